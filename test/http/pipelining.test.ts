// Requests that come before the last one on their connection is answered.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import request from 'supertest'
import { faultyPicture, noisePicture } from '../support/pictures.ts'
import { openSocket } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

const maxUploadBytes = 300_000

let service: Service
before(async () => {
  service = await startService({ limits: { maxImageBytes: 200_000, maxUploadBytes } })
})
after(() => service.close())

const head = (bytes: number) =>
  `POST /v1/classify HTTP/1.1\r\nHost: test\r\nContent-Length: ${bytes}\r\n\r\n`
const logged = () => service.log.filter(({ msg }) => /^request/.test(String(msg)))

test('one that waits behind another holds nothing when its client has gone', async () => {
  const slow = await faultyPicture('slow')
  for (let client = 1; client <= 4; client += 1) {
    const { socket, send } = await openSocket(service.origin)
    send(head(slow.length))
    send(slow)
    send(head(200_000))
    send(Buffer.alloc(150_000)) // half of what all uploads may hold
    await until(() => service.classifier.models()[0]?.sessions.busy === 1)
    socket.destroy()
    await until(() => logged().length === 2 * client)
    assert.deepEqual(
      logged()
        .slice(-2)
        .map(({ status }) => status),
      [499, 499],
    )
    await until(() => service.classifier.models()[0]?.sessions.busy === 0)
  }
  const large = await noisePicture(1, 240).png().toBuffer()
  const { status, text } = await request(service.origin).post('/v1/classify').send(large)
  assert.equal(status, 200, text)
})
