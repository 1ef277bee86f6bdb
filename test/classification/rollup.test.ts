import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imagenetLabels } from '../../src/classification/labels.ts'
import { canRollUp, rollUp } from '../../src/classification/rollup.ts'

/** Probabilities by label. */
function seen(shares: Readonly<Record<string, number>>): Float32Array {
  const probabilities = new Float32Array(1000)
  for (const [label, share] of Object.entries(shares)) {
    const row = imagenetLabels().find((one) => one.label === label)
    assert.ok(row, label)
    probabilities[row.index] = share
  }
  return probabilities
}

test('two fishes that share the mass make a fish, the most specific term first', () => {
  const terms = rollUp(seen({ tench: 0.45, goldfish: 0.48, ostrich: 0.07 }), imagenetLabels())
  const labels = terms.map(({ label }) => label)
  const fish = terms.find(({ label }) => label === 'fish')
  assert.ok(fish && Math.abs(fish.probability - 0.93) < 1e-6, labels.join(', '))
  assert.ok(labels.indexOf('fish') < labels.indexOf('animal'))
  assert.deepEqual(
    terms.map(({ classes }) => classes),
    terms.map(({ classes }) => classes).toSorted((a, b) => a - b),
  )
  assert.ok(!labels.includes('entity'), 'a term above everything says nothing')
})

test('what is not confident is no term, unless less is asked for', () => {
  const probabilities = seen({ tench: 0.3, goldfish: 0.1, ostrich: 0.3, jay: 0.3 })
  const has = (label: string, confidence?: number) =>
    rollUp(probabilities, imagenetLabels(), confidence).some((term) => term.label === label)
  assert.equal(has('fish'), false)
  assert.equal(has('bird'), true)
  assert.equal(has('fish', 0.4), true)
})

test('only labels with WordNet ids can be rolled up', () => {
  assert.equal(canRollUp(imagenetLabels()), true)
  assert.equal(canRollUp([{ index: 0, label: 'mine' }]), false)
})
