// What the headers of an answer say: its tag, its timing, its request id.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import request from 'supertest'
import { assertContract } from '../support/contract-check.ts'
import { picture } from '../support/pictures.ts'
import { assertProblem } from '../support/problems.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
let image: Buffer

before(async () => {
  service = await startService({
    models: [{ name: 'small', versions: { 1: 1, 2: 2 }, manifest: { versions: { stable: 1 } } }],
  })
  image = await picture(1)
})
after(() => service.close())

const classify = (query = '', body = image) =>
  request(service.origin).post(`/v1/classify${query}`).send(body)

async function tagOf(query = '', body = image): Promise<string> {
  return (await classify(query, body)).headers.etag ?? ''
}

async function counted(metric: RegExp): Promise<number> {
  return Number(metric.exec(await service.metrics.render())?.[1] ?? 0)
}

const imagesDone = () => counted(/^images_total\{model="small",version="2",outcome="ok"\} (\d+)/m)

test('the same question has the same tag, in whichever form the image comes', async () => {
  const tag = await tagOf()
  assert.match(tag, /^W\/"[\w-]{43}\.[\w-]{22}"$/)
  assert.equal(await tagOf(), tag)
  assert.equal(await tagOf('?model=small&version=2&top_k=5'), tag)
  const form = await request(service.origin).post('/v1/classify').attach('image', image, 'a.png')
  assert.equal(form.headers.etag, tag)
})

test('another image, version or number of classes has another tag', async () => {
  const tags = [
    await tagOf(),
    await tagOf('', await picture(2)),
    await tagOf('?version=stable'),
    await tagOf('?top_k=4'),
  ]
  assert.equal(new Set(tags).size, tags.length)
})

test('If-None-Match with the tag answers 304 without running the model', async () => {
  const tag = await tagOf()
  const before = await imagesDone()
  for (const header of [tag, `"x", ${tag}`, tag.replace('W/', '')]) {
    const response = await classify().set('if-none-match', header)
    assert.equal(response.status, 304)
    assert.equal(response.headers.etag, tag)
    assertContract(response)
  }
  assert.equal(await imagesDone(), before)
  const other = await classify().set('if-none-match', '"something else"')
  assert.equal(other.status, 200)
})

test('a 304 needs no image that could be decoded only when it was answered before', async () => {
  const tag = await tagOf()
  const broken = await classify('', image.subarray(0, 60)).set('if-none-match', tag)
  assertProblem(broken, [422, 'image_undecodable'])
})

test('Server-Timing tells decode, queue and infer, and the size of the batch', async () => {
  const { headers } = await classify()
  assert.match(
    headers['server-timing'] ?? '',
    /^decode;dur=\d+\.\d\d, queue;dur=\d+\.\d\d, infer;dur=\d+\.\d\d, batch;desc="1"$/,
  )
  assert.equal(headers['x-batch-size'], '1')
})

test('answers may be kept by their client, but have to be asked for each time', async () => {
  assert.equal((await classify()).headers['cache-control'], 'private, no-cache')
})

test("a client's request id comes back and stands in the log", async () => {
  const response = await classify().set('x-request-id', 'holiday-42')
  assert.equal(response.headers['x-request-id'], 'holiday-42')
  const line = service.log.find(({ reqId }) => reqId === 'holiday-42')
  assert.equal(line?.status, 200)
  assert.equal(line?.model, 'small/2')
  assert.equal(line?.imageBytes, image.length)
})

test('a request id that could break a log or a header is replaced by a new one', async () => {
  for (const id of ['a b', 'x'.repeat(129), 'é', '<script>']) {
    const { headers } = await classify().set('x-request-id', Buffer.from(id).toString('latin1'))
    assert.match(headers['x-request-id'] ?? '', /^[0-9a-f]{8}-[0-9a-f-]{27}$/, id)
  }
})

test('an error carries the request id in its body too, and is not cached', async () => {
  const response = await classify('?top_k=0').set('x-request-id', 'bad-1')
  assertProblem(response, [400, 'bad_parameter'])
  assert.equal(response.body.requestId, 'bad-1')
  assert.equal(response.headers['cache-control'], 'no-store')
})
