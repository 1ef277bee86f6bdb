// Clients on real sockets: slow, gone, impatient, or speaking no HTTP at all.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import request from 'supertest'
import { faultyPicture, picture } from '../support/pictures.ts'
import { codeOf, openSocket, statusOf } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

let service: Service
let image: Buffer

before(async () => {
  service = await startService({ limits: { requestTimeoutMs: 1500, maxImageBytes: 200_000 } })
  image = await picture(1)
})
after(() => service.close())

afterEach(async () => {
  const { status, text } = await request(service.origin).post('/v1/classify').send(image)
  assert.equal(status, 200, text)
})

function head(lines: readonly string[]): string {
  return ['POST /v1/classify HTTP/1.1', 'Host: test', ...lines, '', ''].join('\r\n')
}

const announced = (bytes: number) => head([`Content-Length: ${bytes}`])
const statusesLogged = () => service.log.filter(({ msg }) => /^request/.test(String(msg)))

test('upload_too_slow: a body that does not end in time', async () => {
  const client = await openSocket(service.origin)
  client.send(announced(image.length))
  client.send(image.subarray(0, 10))
  const answer = await client.closed
  assert.deepEqual([statusOf(answer), codeOf(answer)], [408, 'upload_too_slow'])
})

test('upload_too_slow: headers that do not end in time', async () => {
  const client = await openSocket(service.origin)
  client.send('POST /v1/classify HTTP/1.1\r\nHost: te')
  const answer = await client.closed
  assert.deepEqual([statusOf(answer), codeOf(answer)], [408, 'upload_too_slow'])
})

test('a form that trickles in is cut off too', async () => {
  const client = await openSocket(service.origin)
  client.send(head(['Content-Type: multipart/form-data; boundary=b', 'Content-Length: 100000']))
  client.send('--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n')
  const answer = await client.closed
  assert.deepEqual([statusOf(answer), codeOf(answer)], [408, 'upload_too_slow'])
})

test('a client that hangs up during its upload is logged as 499 and costs nothing', async () => {
  const before = statusesLogged().length
  const client = await openSocket(service.origin)
  client.send(announced(image.length))
  client.send(image.subarray(0, 10))
  client.socket.destroy()
  await until(() => statusesLogged().length > before)
  assert.equal(statusesLogged().at(-1)?.status, 499)
})

test('a client that ends its upload in the middle is counted once', async () => {
  const refusals = async () => {
    const text = await service.metrics.render()
    const lines = text.matchAll(/^rejected_total\{reason="(\w+)"\} (\d+)/gm)
    return new Map(Array.from(lines, ([, reason, count]) => [reason, Number(count)]))
  }
  const before = await refusals()
  const logged = statusesLogged().length
  const client = await openSocket(service.origin)
  client.send(announced(image.length))
  client.send(image.subarray(0, 10))
  client.socket.end()
  await until(() => statusesLogged().length > logged)
  const now = await refusals()
  const increases = ['client_gone', 'bad_request'].map(
    (reason) => (now.get(reason) ?? 0) - (before.get(reason) ?? 0),
  )
  assert.deepEqual(increases, [1, 0])
})

test('a client that hangs up while its image waits takes it out of the queue', async () => {
  const busy = request(service.origin)
    .post('/v1/classify')
    .send(await faultyPicture('slow'))
  const running = busy.then((response) => response)
  await until(() => service.classifier.models()[0]?.sessions.busy === 1)
  const client = await openSocket(service.origin)
  client.send(announced(image.length))
  client.send(image)
  await until(() => service.classifier.models()[0]?.queueDepth === 1)
  client.socket.destroy()
  await until(() => service.classifier.models()[0]?.queueDepth === 0)
  assert.equal((await running).status, 200)
})

test('a refusal reaches a client that is still uploading', async () => {
  const client = await openSocket(service.origin)
  client.send(announced(10_000_000))
  client.send(Buffer.alloc(100_000))
  await client.until(/body_too_large/)
  assert.equal(statusOf(client.text()), 413)
  client.socket.destroy()
})

test('a refusal of a small upload does not end the connection', async () => {
  const client = await openSocket(service.origin)
  const unknown = announced(image.length).replace('/classify', '/classify?model=unknown')
  client.send(unknown)
  await client.until(/model_not_found/)
  client.send(image)
  client.send(head([`Content-Length: ${image.length}`, 'Connection: close']))
  client.send(image)
  assert.match(await client.closed, /HTTP\/1\.1 200 OK/)
})

test('a client that asks first is refused without sending a byte of its body', async () => {
  const client = await openSocket(service.origin)
  client.send(head(['Content-Length: 10000000', 'Expect: 100-continue']))
  const answer = await client.closed
  assert.deepEqual([statusOf(answer), codeOf(answer)], [413, 'body_too_large'])
  assert.doesNotMatch(answer, /100 Continue/)
})

test('a client that asks first is told to go on, then answered', async () => {
  const client = await openSocket(service.origin)
  client.send(
    head([`Content-Length: ${image.length}`, 'Expect: 100-continue', 'Connection: close']),
  )
  await client.until(/^HTTP\/1\.1 100 Continue\r\n/)
  client.send(image)
  const answer = await client.closed
  assert.equal(statusOf(answer), 200)
})

test('bad_request: bytes that are no HTTP', async () => {
  for (const nonsense of [
    'hello\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    'GET / HTTP/9.9\r\n\r\n',
  ]) {
    const client = await openSocket(service.origin)
    client.send(Buffer.from(nonsense, 'latin1'))
    const answer = await client.closed
    assert.deepEqual([statusOf(answer), codeOf(answer)], [400, 'bad_request'], nonsense)
  }
})

test('headers_too_large: more than 16 KiB of them', async () => {
  const client = await openSocket(service.origin)
  client.send(head([`X-Long: ${'a'.repeat(20_000)}`]))
  const answer = await client.closed
  assert.deepEqual([statusOf(answer), codeOf(answer)], [431, 'headers_too_large'])
})

test('two requests on one connection are answered one after the other', async () => {
  const client = await openSocket(service.origin)
  client.send(`${announced(image.length)}`)
  client.send(image)
  client.send(head([`Content-Length: ${image.length}`, 'Connection: close']))
  client.send(image)
  const answers = (await client.closed).match(/HTTP\/1\.1 200 OK/g)
  assert.equal(answers?.length, 2)
})
