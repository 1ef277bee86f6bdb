// JSON that costs much to parse: of clients that send dozens of images as numbers, and of those who want
// the service to stand still.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { noise, picture } from '../../support/pictures.ts'
import { type Service, startService } from '../../support/service.ts'
import { smallSide } from '../../support/small-repository.ts'

const predict = '/v1/models/small:predict'
const infer = '/v2/models/small/infer'
/** More than are read on the thread that serves everybody. */
const images = 64

let service: Service
let probabilities: readonly number[]

before(async () => {
  service = await startService({ batching: { maxQueueSize: 256 } })
  const answer = await post('/models/small?top_k=1000', await picture(1), 'image/png')
  const found: { label: string; score: number }[] = JSON.parse(answer.text)
  probabilities = found.map(({ score }) => score)
})
after(() => service.close())

async function post(path: string, body: string | Buffer, type = 'application/json') {
  const headers = { 'content-type': type }
  const answer = await fetch(service.origin + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers,
  })
  const { status } = answer
  const text = await answer.text()
  return { status, text, body: JSON.parse(text) }
}

const flat = Array.from(noise(1))
const row = Array.from({ length: smallSide }, (_, y) =>
  Array.from({ length: smallSide }, (_, x) => flat.slice((y * smallSide + x) * 3).slice(0, 3)),
)
const many = <Value>(value: Value) => Array.from({ length: images }, () => value)

function assertBest(scores: readonly number[]): void {
  const [best = Number.NaN] = probabilities
  assert.ok(Math.abs(Math.max(...scores) - best) < 1e-6)
}

test('dozens of images as rows of numbers get their scores', async () => {
  const answer = await post(predict, JSON.stringify({ instances: many(row) }))
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.body.predictions.length, images)
  for (const scores of answer.body.predictions) assertBest(scores)
})

test('dozens of images in one flat list get their scores, also beside a mistake in another request', async () => {
  const shape = [images, smallSide, smallSide, 3]
  const tensor = { name: 'images', datatype: 'UINT8', shape }
  const ask = (data: unknown) => post(infer, JSON.stringify({ inputs: [{ ...tensor, data }] }))
  const [right, wrong] = await Promise.all([ask(many(flat).flat()), ask([...many(flat).flat(), 1])])
  assert.equal(right.status, 200, right.text)
  const { data } = right.body.outputs[0]
  assertBest(data.slice(-data.length / images))
  assert.equal(wrong.status, 400)
  assert.match(wrong.body.error, /no more than \d+ values/)
})

const oversized = {
  'empty lists': `{"instances": [${'[],'.repeat(7_000_000)}1]}`,
  'empty objects': `{"instances": [${'{},'.repeat(100_000)}1]}`,
  names: `{${Array.from({ length: 50_000 }, (_, at) => `"${at}":1,`).join('')}"instances": 1}`,
}

test('lists that are nested deeper than images are refused before they are parsed', async () => {
  for (const path of [predict, infer]) {
    const { status, body } = await post(path, '['.repeat(1_000_000))
    assert.equal(status, 400)
    assert.match(body.error, /1000000 lists in each other/)
  }
})

for (const [what, body] of Object.entries(oversized)) {
  test(`more ${what} than images have are refused before they are parsed`, async () => {
    for (const path of [predict, infer]) {
      const { status, body: refusal } = await post(path, body)
      assert.equal(status, 413)
      assert.match(refusal.error, /the JSON holds more values/)
    }
  })
}

test('a body that should be one image and holds thousands of values is refused before it is parsed', async () => {
  const lists = '[],'.repeat(100_000)
  const native = await post('/v1/classify', `{"image": [${lists}1]}`)
  assert.deepEqual([native.status, native.body.code], [400, 'bad_request'])
  assert.match(native.body.detail, /more than 1000 values/)
  const huggingFace = await post('/models/small', `{"inputs": [${lists}1]}`)
  assert.equal(huggingFace.status, 400)
  assert.match(huggingFace.body.error, /more than 1000 values/)
})

test('millions of texts for numbers are refused, and hold up nobody', async () => {
  const texts = Array.from({ length: 3_000_000 }, (_, at) => `"${at}"`).join(',')
  const [refused, right] = await Promise.all([
    post(predict, `{"instances": [${texts}]}`),
    post('/models/small', await picture(1), 'image/png'),
  ])
  assert.equal(refused.status, 400)
  assert.match(refused.body.error, /3000000 images/)
  assert.equal(right.status, 200)
})

test('who leaves while its numbers are read holds up nobody', async () => {
  const body = JSON.stringify({ instances: many(row) })
  for (let client = 0; client < 5; client += 1) {
    const leaving = new AbortController()
    const asked = fetch(service.origin + predict, { method: 'POST', body, signal: leaving.signal })
    setTimeout(() => leaving.abort(), 5 * client)
    await asked.then((answer) => answer.text()).catch(() => {})
  }
  assert.equal((await post(predict, body)).status, 200)
})
