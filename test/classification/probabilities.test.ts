import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { softmax, topK } from '../../src/classification/probabilities.ts'

test('softmax sums to one, keeps the order and survives huge logits', () => {
  const probabilities = softmax(Float32Array.of(1000, 1001, -1000))
  assert.ok(Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-6)
  assert.ok((probabilities[1] as number) > (probabilities[0] as number))
  assert.equal(probabilities[2], 0)
  // e / (1 + e), by hand
  assert.ok(Math.abs((probabilities[1] as number) - 0.7310586) < 1e-6)
})

test('the best k are those of a full sort, lower index first among equals', () => {
  const values = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 80 }), (numbers, k) => {
      const probabilities = Float32Array.from(numbers, (value) => value / 20)
      const sorted = Array.from(probabilities, (probability, index) => ({ index, probability }))
        .sort((a, b) => b.probability - a.probability || a.index - b.index)
        .slice(0, k)
      assert.deepEqual(topK(probabilities, k), sorted)
    }),
  )
})
