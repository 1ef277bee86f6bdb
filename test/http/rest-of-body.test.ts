// Bodies that nobody reads to their end: the connection goes on all the same.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { noise, picture } from '../support/pictures.ts'
import { openSocket } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'

/** What is refused while it comes is kept on its connection up to 256 KiB. */
const bodyBytes = 250_000
const firstBytes = 200_000

let service: Service
before(async () => {
  service = await startService({ http: { apiKeys: ['key'] } })
})
after(() => service.close())

/** Sends a body in two parts, the second one after the answer, and then another request. */
async function statusesOf(path: string, headers: readonly string[], body: Buffer) {
  const client = await openSocket(service.origin)
  const lines = [`POST ${path} HTTP/1.1`, 'Host: test', `Content-Length: ${body.length}`]
  client.send([...lines, ...headers, '', ''].join('\r\n'))
  client.send(body.subarray(0, firstBytes))
  await client.until(/^HTTP\/1\.1 \d+/)
  client.send(body.subarray(firstBytes))
  client.send('GET /health/live HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n')
  return [...(await client.closed).matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) =>
    Number(status),
  )
}

const key = 'Authorization: Bearer key'
const form = 'Content-Type: multipart/form-data; boundary=b'
const field = (name: string) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n5\r\n`
const file = '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'

/** `start`, and noise behind it. */
function filled(start: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(start), noise(1, 300)]).subarray(0, bodyBytes)
}

test('a form that is refused before its file', async () => {
  const body = filled(`${field('top_k')}${file}`)
  assert.deepEqual(await statusesOf('/v1/classify', [key, form], body), [400, 200])
})

test('a form whose key comes behind its file, which is refused', async () => {
  assert.deepEqual(await statusesOf('/v1/vision/scene', [form], filled(file)), [401, 200])
})

test('a form of many files that is not well-formed', async () => {
  const start = `${file}x\r\n--b\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nx\r\n`
  const body = filled(`${start}${field('top_k')}${file}`)
  const lines = ['/v1/classify/batch', '/v1/classify']
  for (const path of lines) {
    assert.equal((await statusesOf(path, [key, form], body))[1], 200, path)
  }
  const accept = 'Accept: application/x-ndjson'
  assert.deepEqual(await statusesOf('/v1/classify/batch', [key, form, accept], body), [200, 200])
})

test('a compressed body that is not well-formed, from its start or behind its end', async () => {
  const coding = 'Content-Encoding: gzip'
  const path = '/v2/models/small/infer'
  for (const start of ['no gzip', gzipSync('{"inputs":[]}')]) {
    assert.deepEqual(await statusesOf(path, [key, coding], filled(start)), [400, 200])
  }
})

test('a body that is refused from its headers', async () => {
  const body = filled(await picture(1))
  assert.deepEqual(await statusesOf('/v1/classify?model=none', [key], body), [404, 200])
  assert.deepEqual(await statusesOf('/v1/classify', [], body), [401, 200])
  assert.deepEqual(await statusesOf('/nowhere', [key], body), [404, 200])
  assert.deepEqual(await statusesOf('/v1/models', [key], body), [405, 200])
})
