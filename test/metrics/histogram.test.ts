import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram, Registry } from 'prom-client'
import { createHistogram } from '../../src/metrics/histogram.ts'

const shape = {
  name: 'seconds',
  help: 'how long',
  labelNames: ['stage', 'model'] as const,
  buckets: [0.001, 0.5, 1],
}

test('a histogram is rendered as one of prom-client is', async () => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const histogram = createHistogram({ ...shape, registry: ours })
  const model = new Histogram({ ...shape, labelNames: [...shape.labelNames], registers: [theirs] })
  assert.equal(await ours.metrics(), await theirs.metrics())
  for (const value of [0, 0.001, 0.25, 0.5, 0.75, 7]) {
    histogram.observe(['decode', 'm"1'], value)
    model.observe({ stage: 'decode', model: 'm"1' }, value)
  }
  histogram.observe(['infer', 'm'], 0.1)
  model.observe({ stage: 'infer', model: 'm' }, 0.1)
  assert.equal(await ours.metrics(), await theirs.metrics())
})

test('a series that is removed is rendered no more, and begins from nothing', async () => {
  const registry = new Registry()
  const histogram = createHistogram({ ...shape, registry })
  histogram.observe(['infer', 'm'], 0.1)
  histogram.remove(['infer', 'm'])
  assert.doesNotMatch(await registry.metrics(), /infer/)
  histogram.observe(['infer', 'm'], 0.1)
  assert.match(await registry.metrics(), /^seconds_count\{stage="infer",model="m"\} 1$/m)
})
