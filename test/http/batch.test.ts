// POST /v1/classify/batch: many files of one form, a result each.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import request, { type Response } from 'supertest'
import { assertContract } from '../support/contract-check.ts'
import { noisePicture, picture } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { openSocket } from '../support/raw-socket.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

const maxImageBytes = 20_000
const path = '/v1/classify/batch'

let service: Service
let images: readonly Buffer[]

before(async () => {
  service = await startService({
    models: [{ name: 'small' }, { name: 'other', versions: { 1: 5 } }],
    limits: { maxImageBytes, maxBatchFiles: 40 },
  })
  images = await Promise.all(Array.from({ length: 6 }, (_, index) => picture(index)))
})
after(() => service.close())

const client = () => request(service.origin)

function form(files: readonly Buffer[], query = '') {
  return files.reduce(
    (post, file, index) => post.attach('image', file, `photo-${index}.png`),
    client().post(`${path}${query}`),
  )
}

interface Result {
  readonly index: number
  readonly file: string
  readonly predictions?: readonly { index: number; probability: number }[]
  readonly error?: { readonly code: string; readonly status: number }
}

const resultsOf = ({ body }: Response) => body.results as readonly Result[]

test('each file gets its own answer, in the order of the form', async () => {
  const response = await form(images, '?top_k=2')
  assert.equal(response.status, 200, response.text)
  assertContract(response)
  for (const [index, result] of resultsOf(response).entries()) {
    const alone = await client().post('/v1/classify?top_k=2').send(images[index])
    assert.deepEqual([result.index, result.file], [index, `photo-${index}.png`])
    assert.equal(result.predictions?.[0]?.index, alone.body.predictions[0].index)
  }
})

test('a file that is no image, too large or empty has an error; the others keep their answers', async () => {
  const [good] = images as [Buffer]
  const files = [good, Buffer.from('text'), Buffer.alloc(maxImageBytes + 1), Buffer.alloc(0), good]
  const response = await form([...files, good.subarray(0, 50)])
  assert.equal(response.status, 200)
  assertContract(response)
  const codes = resultsOf(response).map(({ error }) => error?.code ?? 'ok')
  assert.deepEqual(codes, [
    ...['ok', 'unsupported_image_format', 'body_too_large', 'image_missing', 'ok'],
    'image_undecodable',
  ])
})

test('a form of large files alone finds room for all of them, however fast they come', async () => {
  const limits = { maxImageBytes: 200_000, maxUploadBytes: 600_000 }
  const roomy = await startService({ limits })
  try {
    const large = await noisePicture(1, 240).png().toBuffer()
    const files = Array.from({ length: 18 }, () => large)
    const post = files.reduce(
      (post, file) => post.attach('image', file, 'photo.png'),
      request(roomy.origin).post(path),
    )
    const codes = resultsOf(await post).map(({ error }) => error?.code ?? 'ok')
    assert.deepEqual(
      codes,
      files.map(() => 'ok'),
    )
  } finally {
    await roomy.close()
  }
})

test('several models answer each file', async () => {
  const response = await form(images.slice(0, 2), '?model=small,other')
  assertContract(response)
  for (const result of response.body.results) {
    const models = result.results.map(({ model }: { model: string }) => model)
    assert.deepEqual(models, ['small', 'other'])
  }
})

test('lines come as files finish, each with its place in the form', async () => {
  const response = await form(images).set('accept', 'application/x-ndjson').buffer(true)
  assert.equal(response.status, 200)
  assert.match(response.headers['content-type'] ?? '', /^application\/x-ndjson/)
  const lines = response.text.trimEnd().split('\n')
  const indexes = lines.map((line) => (JSON.parse(line) as Result).index)
  assert.deepEqual([...indexes].sort(), [0, 1, 2, 3, 4, 5])
})

test('the first line is there before the form is complete', async () => {
  const socket = await openSocket(service.origin)
  const part = (file: Buffer) => [
    '--b\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n',
    file,
    '\r\n',
  ]
  const [first, second] = images as [Buffer, Buffer]
  socket.send(
    `POST ${path} HTTP/1.1\r\nHost: test\r\nAccept: application/x-ndjson\r\nConnection: close\r\n` +
      'Transfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n',
  )
  const chunk = (bytes: string | Buffer) => {
    socket.send(`${Buffer.byteLength(bytes).toString(16)}\r\n`)
    socket.send(bytes)
    socket.send('\r\n')
  }
  for (const bytes of [...part(first), '--b\r\n']) chunk(bytes)
  await socket.until(/"index":0/)
  for (const bytes of [
    ...part(second)
      .slice(0, 1)
      .map((text) => String(text).slice(5)),
    second,
  ]) {
    chunk(bytes)
  }
  for (const bytes of ['\r\n--b--\r\n']) chunk(bytes)
  socket.send('0\r\n\r\n')
  assert.match(await socket.closed, /"index":1/)
})

test('a form that breaks off ends with a line that says so, and is counted and logged', async () => {
  const refusals = async () =>
    /^rejected_total\{reason="bad_request"\} (\d+)/m.exec(await service.metrics.render())?.[1]
  const before = Number(await refusals())
  const cut = '--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\nhalf an ima'
  const response = await client()
    .post(path)
    .set('accept', 'application/x-ndjson')
    .set('content-type', 'multipart/form-data; boundary=b')
    .buffer(true)
    .send(cut)
  const last = JSON.parse(response.text.trimEnd().split('\n').at(-1) ?? '')
  assert.equal(last.error.code, 'bad_request')
  assert.equal('index' in last, false)
  assert.equal(Number(await refusals()), before + 1)
  const id = response.headers['x-request-id']
  await until(() => service.log.some(({ reqId, code }) => reqId === id && code === 'bad_request'))
})

test('bad_request: a body that is no form', async () => {
  const response = await client().post(path).send(images[0])
  assertProblem(response, [400, 'bad_request'], /not multipart\/form-data/)
})

test('image_missing: a form without a file', async () => {
  const response = await client().post(path).field('caption', 'none')
  assertProblem(response, [400, 'image_missing'], /the form has no file/)
})

test('body_too_large: more files than one form may hold', async () => {
  const many = Array.from({ length: 41 }, () => images[0] as Buffer)
  assertProblem(await form(many), [413, 'body_too_large'], /too many files/)
})

test('what is wrong with the request is wrong for all files', async () => {
  assertProblem(await form(images, '?top_k=0'), [400, 'bad_parameter'])
  assertProblem(await form(images, '?model=nobody'), [404, 'model_not_found'])
})

test('a batch larger than the queue is worked through, not refused', async () => {
  const many = Array.from({ length: 40 }, (_, index) => images[index % images.length] as Buffer)
  const response = await form(many)
  const codes = resultsOf(response).map(({ error }) => error?.code ?? 'ok')
  assert.deepEqual(codes, Array(40).fill('ok'))
})

test('a request with more images than the queue holds is answered, whichever way it asks', async () => {
  const narrow = await startService({ batching: { maxBatchSize: 1, maxQueueSize: 4 } })
  try {
    const count = 24
    const files = await Promise.all(Array.from({ length: count }, (_, index) => picture(index)))
    const post = files.reduce(
      (post, file) => post.attach('image', file, 'photo.png'),
      request(narrow.origin).post(path),
    )
    const codes = resultsOf(await post).map(({ error }) => error?.code ?? 'ok')
    assert.deepEqual(codes, Array(count).fill('ok'))
    const instances = files.map((file) => ({ b64: file.toString('base64') }))
    const predict = request(narrow.origin).post('/v1/models/small:predict')
    const { status, text } = await predict.send({ instances })
    assert.equal(status, 200, text)
    const [{ maxQueueSize }] = (await request(narrow.origin).get('/v1/models')).body.models
    assert.equal(maxQueueSize, 4)
  } finally {
    await narrow.close()
  }
})
