// Requests that Node alone would refuse in bare words.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { picture } from '../support/pictures.ts'
import { codeOf, openSocket, statusOf } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

async function answerTo(lines: readonly string[], body: Uint8Array = Buffer.alloc(0)) {
  const client = await openSocket(service.origin)
  client.send([...lines, 'Connection: close', '', ''].join('\r\n'))
  client.send(body)
  return await client.closed
}

async function assertRefused(lines: readonly string[], detail: RegExp): Promise<void> {
  const id = `test-${Math.random()}`
  const answer = await answerTo([...lines, `X-Request-Id: ${id}`])
  assert.deepEqual([statusOf(answer), codeOf(answer)], [400, 'bad_request'], answer)
  assert.match(answer, /^content-type: application\/problem\+json/im)
  assert.ok(answer.includes(`x-request-id: ${id}`))
  assert.match(answer, detail)
  await until(() => service.log.some(({ reqId, code }) => reqId === id && code === 'bad_request'))
}

const refusals = async () => {
  const text = await service.metrics.render()
  return Number(/^rejected_total\{reason="bad_request"\} (\d+)/m.exec(text)?.[1])
}

test('a request without a Host header, or with two, is told so', async () => {
  const before = await refusals()
  await assertRefused(['GET /v1/models HTTP/1.1'], /has no Host header, which HTTP\/1\.1 requires/)
  const twice = ['GET /v1/models HTTP/1.1', 'Host: one.example', 'Host: two.example']
  await assertRefused(twice, /has 2 Host headers; send one/)
  assert.equal(await refusals(), before + 2)
})

test('HTTP/1.0 needs no Host header', async () => {
  assert.equal(statusOf(await answerTo(['GET /v1/models HTTP/1.0'])), 200)
})

test('an expectation that there is not is told so, and the connection goes on', async () => {
  const post = ['POST /v1/classify HTTP/1.1', 'Host: test']
  await assertRefused([...post, 'Expect: banana'], /Expect is \\"banana\\"; .* is 100-continue/)
  const image = await picture(1)
  const head = [...post, `Content-Length: ${image.length}`]
  const client = await openSocket(service.origin)
  client.send([...head, 'Expect: 200-maybe', '', ''].join('\r\n'))
  client.send(image)
  client.send([...head, 'Connection: close', '', ''].join('\r\n'))
  client.send(image)
  const answers = await client.closed
  assert.equal(codeOf(answers), 'bad_request')
  assert.match(answers, /HTTP\/1\.1 200 OK/, 'the one after it')
})
