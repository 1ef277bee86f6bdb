import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Counter, Registry } from 'prom-client'
import { createCounter } from '../../src/metrics/counter.ts'

const shape = { name: 'images_total', help: 'images', labelNames: ['model', 'outcome'] as const }

for (const contentType of [
  Registry.PROMETHEUS_CONTENT_TYPE,
  Registry.OPENMETRICS_CONTENT_TYPE,
] as const) {
  test(`a counter is rendered as one of prom-client is: ${contentType}`, async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    for (const registry of [ours, theirs]) registry.setContentType(contentType as never)
    const counter = createCounter({ ...shape, registry: ours })
    const model = new Counter({ ...shape, labelNames: [...shape.labelNames], registers: [theirs] })
    assert.equal(await ours.metrics(), await theirs.metrics())
    for (const outcome of ['ok', 'ok', 'image_undecodable']) {
      counter.add(['m"1', outcome])
      model.inc({ model: 'm"1', outcome })
    }
    assert.equal(await ours.metrics(), await theirs.metrics())
    assert.equal(await ours.metrics(), await theirs.metrics()) // a second scrape reads the same
    counter.remove(['m"1', 'ok'])
    model.remove({ model: 'm"1', outcome: 'ok' })
    assert.equal(await ours.metrics(), await theirs.metrics())
  })
}
