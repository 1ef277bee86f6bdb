// POST and PUT /v1/classify: every form an image may come in, and what the answer says.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import request, { type Response } from 'supertest'
import { assertContract } from '../support/contract-check.ts'
import { faultyPicture, noisePicture, picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/test-pool.ts'

let service: Service
let image: Buffer
/** What the service answers for `image`, asked in the plainest way. */
let expected: unknown

before(async () => {
  service = await startService({
    models: [
      { name: 'small', versions: { 1: 1, 2: 2 }, manifest: { versions: { stable: 1 } } },
      { name: 'other', versions: { 7: 3 } },
    ],
  })
  image = await picture(1)
  const response = await client().post('/v1/classify').send(image)
  expected = response.body
})
after(() => service.close())

const client = () => request(service.origin)

function assertAnswered(response: Response, body: unknown = expected): void {
  assert.equal(response.status, 200, response.text)
  assertContract(response)
  assert.deepEqual(response.body, body)
}

test('the answer names model, version, weights and the five best classes with their labels', () => {
  const { predictions, ...rest } = expected as { predictions: Record<string, unknown>[] }
  assert.deepEqual(rest, { model: 'small', version: '2', weights: 'random' })
  assert.equal(predictions.length, 5)
  for (const { index, label } of predictions) assert.equal(label, `thing ${index}`)
  const probabilities = predictions.map(({ probability }) => Number(probability))
  assert.deepEqual(
    probabilities,
    [...probabilities].sort((a, b) => b - a),
  )
})

test('a multipart file is classified, whatever its field and its name', async () => {
  for (const field of ['image', 'file', 'photo']) {
    assertAnswered(await client().post('/v1/classify').attach(field, image, 'holiday.txt'))
  }
})

test('the field named image is the one that counts, wherever it stands', async () => {
  const other = await picture(2)
  const first = client().post('/v1/classify').attach('image', image, 'a').attach('x', other, 'b')
  assertAnswered(await first)
  const last = client().post('/v1/classify').attach('x', other, 'b').attach('image', image, 'a')
  assertAnswered(await last)
})

test('a part of a form is a file by its type alone, whoever gives it no filename', async () => {
  const form = (headers: string) => {
    const start = `--b\r\ncontent-disposition: form-data; name="image"\r\n${headers}\r\n`
    const body = Buffer.concat([Buffer.from(start), image, Buffer.from('\r\n--b--\r\n')])
    return client()
      .post('/v1/classify')
      .set('content-type', 'multipart/form-data; boundary=b')
      .send(body)
  }
  for (const type of ['image/png', 'image/jpeg', 'application/octet-stream', 'Image/PNG; q=1']) {
    assertAnswered(await form(`content-type: ${type}\r\n`))
  }
  for (const text of [
    '',
    'content-type: text/plain; charset=utf-8',
    'content-type: application/xml',
  ]) {
    const { body } = await form(text && `${text}\r\n`)
    assert.match(body.detail, /the form has no file, only text/)
  }
})

test('inputs of a form in which nothing was chosen are passed over', async () => {
  const unchosen = (form: request.Test, field: string) =>
    form.attach(field, Buffer.alloc(0), { filename: '', contentType: 'application/octet-stream' })
  for (const [field, other] of [
    ['first', 'second'],
    ['image', 'second'],
    ['first', 'image'],
  ] as const) {
    const form = unchosen(client().post('/v1/classify'), field)
    assertAnswered(await form.attach(other, image, 'photo.png'))
    const reverse = client().post('/v1/classify').attach(other, image, 'photo.png')
    assertAnswered(await unchosen(reverse, field))
  }
  const { status, body } = await unchosen(client().post('/v1/classify'), 'image')
  assert.deepEqual([status, body.code], [400, 'image_missing'])
})

test('text fields that are no parameters are tolerated in a form', async () => {
  const response = client().post('/v1/classify').field('caption', 'me').attach('image', image, 'a')
  assertAnswered(await response)
})

test('the bytes alone are enough: without Content-Type, or with a wrong one', async () => {
  const forms = 'application/x-www-form-urlencoded' // what curl --data-binary says by itself
  for (const type of ['image/jpeg', 'application/octet-stream', forms, 'no media type', '']) {
    const body = new Uint8Array(image)
    const headers = type === '' ? {} : { 'content-type': type }
    const response = await fetch(`${service.origin}/v1/classify`, { method: 'POST', body, headers })
    assert.deepEqual(await response.json(), expected, type)
  }
})

test('a body that is compressed on the way is read as what it was before', async () => {
  const json = Buffer.from(JSON.stringify({ image: image.toString('base64') }))
  const bodies: [string, Buffer][] = [
    ['gzip', gzipSync(image)],
    ['deflate', deflateSync(image)],
    ['Identity', image],
    ['gzip', gzipSync(json)],
  ]
  for (const [coding, body] of bodies) {
    const post = client().post('/v1/classify').set('content-encoding', coding)
    assertAnswered(await post.send(body))
  }
  const { predictions } = expected as { predictions: { label: string; probability: number }[] }
  const best = predictions.map(({ label, probability }) => [label, probability])
  const torchserve = client().post('/predictions/small').set('content-encoding', 'gzip')
  assert.deepEqual(Object.entries((await torchserve.send(gzipSync(image))).body), best)
  const huggingFace = client().post('/models/small').set('content-encoding', 'gzip')
  const { body } = await huggingFace.send(gzipSync(image))
  assert.deepEqual(
    body.map(({ label, score }: { label: string; score: number }) => [label, score]),
    best,
  )
})

test('PUT does what POST does, as curl -T sends it', async () => {
  assertAnswered(await client().put('/v1/classify').send(image))
})

test('a body of unknown length is read as it comes', async () => {
  const response = await fetch(`${service.origin}/v1/classify`, {
    method: 'POST',
    body: new Blob([image]).stream(),
    duplex: 'half',
  } as RequestInit)
  assert.deepEqual(await response.json(), expected)
})

test('JSON carries the image as base64 or as a data: URL, wrapped lines and URL alphabet too', async () => {
  const base64 = image.toString('base64')
  const forms = [
    base64,
    base64.replace(/.{76}/g, '$&\r\n'),
    image.toString('base64url'),
    `data:image/png;base64,${base64}`,
    `data:;base64,${base64}`,
  ]
  for (const form of forms) {
    assertAnswered(await client().post('/v1/classify').send({ image: form }))
  }
})

test('JSON is read as JSON where no Content-Type says so, and an image that says JSON as an image', async () => {
  const json = JSON.stringify({ image: image.toString('base64') })
  const raw = await fetch(`${service.origin}/v1/classify`, {
    method: 'POST',
    body: new TextEncoder().encode(json),
  })
  assert.deepEqual(await raw.json(), expected)
  const lying = await fetch(`${service.origin}/v1/classify`, {
    method: 'POST',
    body: new Uint8Array(image),
    headers: { 'content-type': 'application/json' },
  })
  assert.deepEqual(await lying.json(), expected)
})

test('the format is found from the bytes: JPEG, PNG, WebP and GIF', async () => {
  for (const format of ['jpeg', 'png', 'webp', 'gif'] as const) {
    const bytes = await noisePicture(1, 64, 48).toFormat(format).toBuffer()
    const response = await client()
      .post('/v1/classify')
      .set('content-type', 'image/tiff')
      .send(bytes)
    assert.equal(response.status, 200, format)
    assertContract(response)
  }
})

test('top_k says how many classes come, up to all the model has', async () => {
  for (const [topK, count] of [
    [1, 1],
    [10, 10],
    [1000, 10],
  ]) {
    const response = await client().post(`/v1/classify?top_k=${topK}`).send(image)
    assert.equal(response.body.predictions.length, count)
  }
  const all = await client().post('/v1/classify?top_k=1000').send(image)
  const sum = all.body.predictions.reduce(
    (total: number, { probability }: { probability: number }) => total + probability,
    0,
  )
  assert.ok(Math.abs(sum - 1) < 1e-4, `probabilities sum to ${sum}`)
})

test('a version is named by its number or by a label of the manifest', async () => {
  const stable = await client().post('/v1/classify?version=stable').send(image)
  const first = await client().post('/v1/classify?model=small&version=1').send(image)
  assert.equal(stable.body.version, '1')
  assertAnswered(first, stable.body)
  assert.notDeepEqual(first.body.predictions, (expected as Response['body']).predictions)
})

test('several models answer one upload, in the order in which they were named', async () => {
  const response = await client().post('/v1/classify?model=other,small').send(image)
  const alone = await client().post('/v1/classify?model=other').send(image)
  assertAnswered(response, { results: [alone.body, expected] })
  assert.match(response.headers['x-batch-size'] ?? '', /^\d+, \d+$/)
})

test('many requests at once each get the answer to their own image', async () => {
  const images = await Promise.all(Array.from({ length: 12 }, (_, index) => picture(index)))
  const inTurn: unknown[] = []
  for (const one of images) inTurn.push((await client().post('/v1/classify').send(one)).body)
  // While the session is held up they all wait, however slowly they come.
  const slow = client()
    .post('/v1/classify')
    .send(await faultyPicture('slow'))
    .then(({ status }) => status)
  await until(() => service.classifier.models().some(({ sessions }) => sessions.busy === 1))
  const together = await Promise.all(images.map((one) => client().post('/v1/classify').send(one)))
  assert.equal(await slow, 200)
  for (const [index, { body }] of together.entries()) {
    const best = (answer: unknown) => (answer as Response['body']).predictions[0]
    assert.equal(best(body).index, best(inTurn[index]).index)
    assert.ok(Math.abs(best(body).probability - best(inTurn[index]).probability) < 1e-4)
  }
  assert.ok(
    together.some(({ headers }) => Number(headers['x-batch-size']) > 1),
    'some of them shared a batch',
  )
})
