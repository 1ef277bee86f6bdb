import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { socketOptions } from '../../src/http/connections.ts'
import { openSocket } from '../support/raw-socket.ts'

/** More than the buffers of the system take on their own. */
const answer = Buffer.alloc(64 * 1024 * 1024)

test('a client that takes nothing of its answer is let go, and the answer with it', async (t) => {
  const app = fastify(socketOptions({ requestTimeoutMs: 100, maxStallMs: 200 }))
  t.after(() => app.close())
  app.get('/', () => answer)
  const connected = once(app.server, 'connection')
  const { socket, send } = await openSocket(await app.listen({ port: 0, host: '127.0.0.1' }))
  const [accepted] = (await connected) as [Socket]
  const closed = once(accepted, 'close')
  socket.pause()
  send('GET / HTTP/1.1\r\nHost: test\r\n\r\n')
  await closed
  assert.equal(accepted.destroyed, true)
  socket.destroy()
})
