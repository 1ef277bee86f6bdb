// What Hugging Face's dialect answers: labels with scores, of the function that the client wants.
import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Mistake, send } from '../../support/mistakes.ts'
import { picture } from '../../support/pictures.ts'
import { type Service, startService } from '../../support/service.ts'

const probabilitiesOnly = fileURLToPath(
  new URL(
    '../../../../test/fixtures/tensorflow-exports/float-unnamed-probabilities',
    import.meta.url,
  ),
)

let service: Service
let image: Buffer
before(async () => {
  service = await startService()
  image = await picture(1)
})
after(() => service.close())

const post = (path: string, body: ReturnType<NonNullable<Mistake['body']>>) =>
  send(service.origin, { path, body: () => body })
const read = async (answer: Response) => JSON.parse(await answer.text())

test('raw bytes and JSON, with as many labels as asked for', async () => {
  const best = await read(await post('/v1/classify?top_k=2', image))
  const wanted = best.predictions.map(
    ({ label, probability }: { label: string; probability: number }) => ({
      label,
      score: probability,
    }),
  )
  const inputs = image.toString('base64')
  const answers = [
    await post('/models/small?top_k=2', image),
    await post('/?top_k=2', image),
    await post('/models/small', { inputs, parameters: { top_k: 2, function_to_apply: 'softmax' } }),
  ]
  for (const answer of answers) {
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assert.deepEqual(await read(answer), wanted)
  }
})

test('a number of classes that is none is repeated as it was sent', async () => {
  for (const value of ['abc', '0x2', '1e0', ' 2', '', '-1']) {
    const answer = await post(`/models/small?top_k=${encodeURIComponent(value)}`, image)
    assert.equal(answer.status, 400, value)
    const { error } = await read(answer)
    assert.match(error, /^top_k is .*; expected a whole number from 1 to 100000$/)
    assert.ok(error.includes(JSON.stringify(value)), error)
  }
})

test('sigmoid and none are of the logits, also where the model serves probabilities', async () => {
  const ask = async (model: string, function_to_apply: string) => {
    const answer = await post(`/models/${model}`, {
      inputs: image.toString('base64'),
      parameters: { top_k: 10, function_to_apply },
    })
    const body = await read(answer)
    assert.equal(answer.status, 200, JSON.stringify(body))
    return new Map<string, number>(
      body.map(({ label, score }: { label: string; score: number }) => [label, score]),
    )
  }
  const [raw, sigmoid, softmax] = await Promise.all(
    ['none', 'sigmoid', 'softmax'].map((name) => ask('small', name)),
  )
  assert.ok(raw && sigmoid && softmax)
  assert.equal(raw.size, 10)
  const sum = [...raw.values()].reduce((total, logit) => total + Math.exp(logit), 0)
  for (const [label, logit] of raw) {
    const near = (found: number | undefined, wanted: number) =>
      assert.ok(Math.abs((found ?? Number.NaN) - wanted) < 1e-5, `${label}: ${found}, ${wanted}`)
    near(softmax.get(label), Math.exp(logit) / sum)
    near(sigmoid.get(label), 1 / (1 + Math.exp(-logit)))
  }
})

test('a model without logits refuses sigmoid; none is what it gives', async () => {
  await cp(probabilitiesOnly, join(service.folder, 'bare'), { recursive: true })
  await service.reload()
  const ask = (function_to_apply: string) =>
    post('/models/bare', {
      inputs: image.toString('base64'),
      parameters: { function_to_apply },
    })
  for (let turn = 0; turn < 2; turn++) {
    const refused = await ask('sigmoid')
    assert.equal(refused.status, 400)
    assert.match((await read(refused)).error, /bare gives probabilities and has no output "logits"/)
    assert.deepEqual(await read(await ask('none')), await read(await ask('softmax')))
  }
})
