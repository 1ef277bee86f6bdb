// Connections of a service that was too busy, or frozen, to look at them in time.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSocket, statusOf } from '../support/raw-socket.ts'
import { endAllServed, startServed } from '../support/served-process.ts'
import { writeSmallModels } from '../support/small-repository.ts'
import { tempFolder } from '../support/temp-folder.ts'

const requestTimeoutMs = 1_000
/** Longer than the service lets a connection be silent. */
const frozenMs = 3_000
const health = 'GET /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n'

after(endAllServed)

test('a request that came while the service was frozen is answered', async (t) => {
  const repository = await tempFolder(t)
  await writeSmallModels(repository, [{ name: 'small' }])
  const environment = { REQUEST_TIMEOUT_MS: String(requestTimeoutMs) }
  const server = await startServed({ repository, environment })
  const early = await openSocket(server.origin)
  await server.metric('rejected_total') // by now the connection was accepted
  server.process.kill('SIGSTOP')
  const late = await openSocket(server.origin)
  early.send(health)
  late.send(health)
  await sleep(frozenMs)
  server.process.kill('SIGCONT')
  assert.deepEqual([statusOf(await early.closed), statusOf(await late.closed)], [200, 200])
  assert.equal(await server.stop(), 0)
})

test('a connection that is never used is closed', async (t) => {
  const repository = await tempFolder(t)
  await writeSmallModels(repository, [{ name: 'small' }])
  const environment = { REQUEST_TIMEOUT_MS: String(requestTimeoutMs) }
  const server = await startServed({ repository, environment })
  const unused = await openSocket(server.origin)
  assert.equal(await unused.closed, '')
  assert.equal(await server.stop(), 0)
})
