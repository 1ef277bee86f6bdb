// What a client may wish of an answer: fewer predictions, bare indices, a heat-map, a kept result.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ cacheBytes: 1_000_000, sharesInFlight: true })
})
after(() => service.close())

const ask = async (query: string, number = 1, headers: Record<string, string> = {}) =>
  fetch(`${service.origin}/v1/classify${query}`, {
    method: 'POST',
    body: new Uint8Array(await picture(number)),
    headers,
  })

test('threshold leaves predictions out, labels=false their names', async () => {
  const all = (await (await ask('?top_k=3')).json()) as Answer
  const [first, second] = all.predictions
  assert.ok(first && second)
  const few = (await (
    await ask(`?threshold=${first.probability * 0.999}&labels=false`)
  ).json()) as Answer
  assert.deepEqual(
    few.predictions.map((one) => Object.keys(one)),
    [['index', 'probability']],
  )
})

test('an image that comes again is answered from what was kept, whatever form is asked for', async () => {
  assert.equal((await ask('?top_k=1', 2)).headers.get('x-cache'), 'miss')
  const again = await ask('?top_k=2', 2)
  assert.equal(again.headers.get('x-cache'), 'hit')
  const etag = again.headers.get('etag') ?? ''
  assert.equal((await ask('?top_k=2', 2, { 'if-none-match': etag })).status, 304)
  assert.equal((await ask('?top_k=2&labels=false', 2, { 'if-none-match': etag })).status, 200)
})

test('equal images in flight are computed once', async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask('', 3)))
  const words = answers.map(({ headers }) => headers.get('x-cache')).sort()
  assert.equal(words.filter((word) => word === 'miss').length, 1, words.join())
})

test('explain answers a heat-map, in JSON and as a picture', async () => {
  const answer = (await (await ask('?explain=true', 4)).json()) as Answer
  const { explanation } = answer
  assert.equal(explanation?.mediaType, 'image/png')
  assert.equal(Buffer.from(explanation.data, 'base64').subarray(1, 4).toString(), 'PNG')
  assert.equal(explanation.index, answer.predictions[0]?.index)
  const drawn = await ask('?explain=overlay', 4, { accept: 'image/png' })
  assert.equal(drawn.headers.get('content-type'), 'image/png')
})

test('a model with labels of its own cannot be rolled up', async () => {
  const refused = await ask('?rollup=true')
  assert.equal(refused.status, 400)
  assert.equal(((await refused.json()) as { code: string }).code, 'bad_parameter')
})

interface Answer {
  readonly predictions: readonly { readonly index: number; readonly probability: number }[]
  readonly explanation?: { mediaType: string; data: string; index: number }
}
