import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Distribution, softmax, topK } from '../../src/classification/probabilities.ts'

test('softmax sums to one, keeps the order and survives huge logits', () => {
  const probabilities = softmax(Float32Array.of(1000, 1001, -1000))
  assert.ok(Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-6)
  assert.ok((probabilities[1] as number) > (probabilities[0] as number))
  assert.equal(probabilities[2], 0)
  // e / (1 + e), by hand
  assert.ok(Math.abs((probabilities[1] as number) - 0.7310586) < 1e-6)
})

test('the logit of an only class becomes its sigmoid', () => {
  const of = (logit: number) => new Distribution(Float32Array.of(logit), 'logits').of(0)
  assert.equal(of(0), 0.5)
  assert.ok(Math.abs(of(1) - 0.7310586) < 1e-6)
  assert.ok(Math.abs(of(-1) - 0.2689414) < 1e-6)
  assert.deepEqual([of(1000), of(-1000)], [1, 0])
  assert.equal(new Distribution(Float32Array.of(0.3), 'probabilities').best(1)[0]?.index, 0)
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

test('all of many thousand classes are those of a full sort too, however many are equal', () => {
  for (const steps of [1, 7, 1_000_000]) {
    const values = Float32Array.from({ length: 5_000 }, (_, i) => ((i * 7_919) % 104_729) % steps)
    values.set([Number.NEGATIVE_INFINITY, -0, -3, -2, Number.NEGATIVE_INFINITY, -0, 0], 100)
    const sorted = Array.from(values, (probability, index) => ({ index, probability })).sort(
      (a, b) =>
        a.probability === b.probability ? a.index - b.index : b.probability - a.probability,
    )
    for (const k of [1_999, 2_000, 2_001, 5_000, 9_000]) {
      assert.deepEqual(topK(values, k), sorted.slice(0, k))
    }
  }
})

test('classes that a model masks out with minus infinity are ranked too, behind all others', () => {
  const masked = Number.NEGATIVE_INFINITY
  const distribution = new Distribution(Float32Array.of(masked, 2, masked), 'logits')
  assert.deepEqual(distribution.best(3), [
    { index: 1, probability: 1 },
    { index: 0, probability: 0 },
    { index: 2, probability: 0 },
  ])
})

test('softmax is the one of Math.exp, but for the last bit of a float32', () => {
  const logits = fc.array(fc.float({ min: -200, max: 200, noNaN: true }), {
    minLength: 2,
    maxLength: 50,
  })
  fc.assert(
    fc.property(logits, (numbers) => {
      const rounded = Array.from(Float32Array.from(numbers))
      const largest = Math.max(...rounded)
      const exponentials = rounded.map((logit) => Math.exp(logit - largest))
      const sum = exponentials.reduce((a, b) => a + b)
      softmax(Float32Array.from(numbers)).forEach((probability, index) => {
        const expected = (exponentials[index] as number) / sum
        const tolerance = expected * 2 ** -23 + 2 ** -149
        assert.ok(Math.abs(probability - expected) <= tolerance, `${probability}, not ${expected}`)
      })
    }),
  )
})

test('what is no number among the logits is none among the probabilities', () => {
  for (const logits of [
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 1],
  ]) {
    assert.deepEqual([...softmax(Float32Array.from(logits))], [Number.NaN, Number.NaN])
  }
  assert.deepEqual([...softmax(Float32Array.of(Number.NEGATIVE_INFINITY, 1))], [0, 1])
})

test('the best of a distribution have the probabilities of softmax, in their order', () => {
  const logits = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
    minLength: 1,
    maxLength: 50,
  })
  fc.assert(
    fc.property(logits, fc.integer({ min: 1, max: 60 }), (numbers, k) => {
      const scores = Float32Array.from(numbers)
      const distribution = new Distribution(scores, 'logits')
      const probabilities = softmax(scores)
      assert.deepEqual(distribution.alone().all(), probabilities)
      const best = distribution.best(k)
      assert.deepEqual(
        best.map(({ probability }) => probability),
        topK(probabilities, k).map(({ probability }) => probability),
      )
      for (const { index, probability } of best) assert.equal(probability, probabilities[index])
    }),
  )
})

test('probabilities that a model gives itself are taken as they are', () => {
  const given = Float32Array.of(0.25, 0.5, 0.125)
  const distribution = new Distribution(given, 'probabilities')
  assert.deepEqual(distribution.best(1), [{ index: 1, probability: 0.5 }])
  assert.deepEqual(distribution.all(), given)
})
