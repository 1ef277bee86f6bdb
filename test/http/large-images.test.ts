// Megabytes of an encoded image inside of JSON, which are read beside the thread that serves everybody.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { CancellationSource } from '../../src/cancellation.ts'
import { onlyJson } from '../../src/http/dialects/read-tensors.ts'
import { createTensorThread } from '../../src/http/dialects/tensor-thread.ts'
import { picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'

const maxImageBytes = 4_000_000

let service: Service
let image: Buffer
before(async () => {
  service = await startService({ limits: { maxImageBytes } })
  image = await picture(1)
})
after(() => service.close())

/** Decoders stop at an image's end, whatever comes behind. */
const long = (bytes: number) => Buffer.concat([image, Buffer.alloc(bytes - image.length)])

async function post(path: string, body: string | Uint8Array, type = 'application/json') {
  const headers = { 'content-type': type }
  const bytes = typeof body === 'string' ? body : new Uint8Array(body)
  const answer = await fetch(service.origin + path, { method: 'POST', body: bytes, headers })
  return { status: answer.status, body: JSON.parse(await answer.text()) }
}

/** What each dialect makes of one image, and what there is of it in an answer. */
const dialects = [
  { path: '/v1/classify', of: (b64: string) => ({ image: b64 }) },
  { path: '/predictions/small', of: (b64: string) => ({ image: b64 }) },
  { path: '/models/small', of: (b64: string) => ({ inputs: b64 }) },
  { path: '/v1/models/small:predict', of: (b64: string) => ({ instances: [{ b64 }] }) },
  { path: '/v1/models/small:classify', of: (b64: string) => ({ examples: [{ image: { b64 } }] }) },
  {
    path: '/v2/models/small/infer',
    of: (b64: string) => ({
      inputs: [{ name: 'images', datatype: 'BYTES', shape: [1], data: [b64] }],
    }),
  },
]

for (const { path, of } of dialects) {
  test(`POST ${path}: megabytes get the answer of kilobytes, and their mistakes the same words`, async () => {
    const ask = (bytes: Buffer) => post(path, JSON.stringify(of(bytes.toString('base64'))))
    const small = await ask(image)
    assert.equal(small.status, 200)
    assert.deepEqual(await ask(long(maxImageBytes)), small)
    assert.equal((await ask(long(maxImageBytes + 1))).status, 413)
    const wrong = await post(path, JSON.stringify(of(`${'A'.repeat(4_000_000)}%`)))
    assert.deepEqual([wrong.status, /base64/.test(JSON.stringify(wrong.body))], [400, true])
  })
}

test('who has the answer to megabytes is told so, and who has another one is not', async () => {
  const ask = (body: Buffer, headers: Record<string, string> = {}) =>
    fetch(`${service.origin}/v1/classify`, { method: 'POST', body, headers })
  const first = await ask(long(3_500_000))
  const condition = { 'if-none-match': String(first.headers.get('etag')) }
  assert.equal((await ask(long(3_500_000), condition)).status, 304)
  assert.equal((await ask(long(3_500_001), condition)).status, 200)
})

test('open inference: megabytes behind the JSON are elements too', async () => {
  const elements = [long(3_000_000), image].map((bytes) =>
    Buffer.concat([Buffer.from(Uint32Array.of(bytes.length).buffer), bytes]),
  )
  const inputs = [{ name: 'images', datatype: 'BYTES', shape: [2] }]
  const head = Buffer.from(JSON.stringify({ inputs }))
  const answer = await fetch(`${service.origin}/v2/models/small/infer`, {
    method: 'POST',
    body: Buffer.concat([head, ...elements]),
    headers: { 'inference-header-content-length': String(head.length) },
  })
  const { outputs } = JSON.parse(await answer.text())
  assert.deepEqual(outputs[0].data.slice(0, 10), outputs[0].data.slice(10))
})

test('what is short is read where it is, what is long is handed over, and waits for no numbers', async (t) => {
  const tensors = createTensorThread()
  t.after(() => tensors.close())
  const signal = new CancellationSource()
  const bodyOf = (bytes: number) =>
    new TextEncoder().encode(JSON.stringify({ image: 'A'.repeat(bytes) }))
  const readImage = (body: Uint8Array) =>
    tensors.read('image', onlyJson(body, maxImageBytes), signal)

  const short = bodyOf(1_000_000)
  await readImage(short)
  assert.ok(short.length > 0)

  const order: string[] = []
  const numbers = new TextEncoder().encode(`{"instances": [${'1,'.repeat(12_000_000)}1]}`)
  const input = { name: 'images', dtype: 'uint8', shape: [-1, 32, 32, 3] }
  const refused = tensors
    .read('predict', { ...onlyJson(numbers, maxImageBytes), state: { input } }, signal)
    .catch(() => order.push('numbers'))
  const body = bodyOf(4_000_000)
  const { images } = await readImage(body)
  order.push('image')
  assert.equal(images[0].bytes.length, 3_000_000)
  assert.equal(body.length, 0)
  await refused
  assert.deepEqual(order, ['image', 'numbers'])
})
