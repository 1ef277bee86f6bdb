// TorchServe's answer: labels and scores, in an order that says something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { picture } from '../../support/pictures.ts'
import { startService } from '../../support/service.ts'

/** One that most classes share, and some that look like integers. */
const labels = Array.from({ length: 10 }, (_, index) => (index % 3 ? 'crane' : String(100 - index)))

interface Prediction {
  readonly label: string
  readonly probability: number
}

test('the classes stand best first, whatever their labels look like, shared ones once', async () => {
  const service = await startService({ models: [{ name: 'small', labels }] })
  const post = async (path: string, body: Buffer) =>
    await fetch(`${service.origin}${path}`, { method: 'POST', body: new Uint8Array(body) })
  try {
    for (const seed of [1, 2, 3]) {
      const image = await picture(seed)
      const native = await (await post('/v1/classify?top_k=5', image)).json()
      const { predictions } = native as { predictions: readonly Prediction[] }
      const answer = await post('/predictions/small', image)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
      const text = await answer.text()
      const shown = [...text.matchAll(/"([^"]+)":([\d.e-]+)/g)].map(([, label, score]) => {
        return { label, probability: Number(score) }
      })
      const first = ({ label }: Prediction, at: number) =>
        predictions.findIndex((other) => other.label === label) === at
      const wanted = predictions.filter(first)
      assert.deepEqual(
        shown,
        wanted.map(({ label, probability }) => ({ label, probability })),
      )
      assert.equal(Object.keys(JSON.parse(text)).length, wanted.length)
    }
  } finally {
    await service.close()
  }
})
