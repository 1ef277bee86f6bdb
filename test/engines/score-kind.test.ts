import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findScoreKind, kindOf, mixesImages, trialCrops } from '../../src/engines/score-kind.ts'

const cropBytes = 12
const ask = (...scores: number[]) => findScoreKind(cropBytes, () => Float32Array.from(scores))

test('scores that are never negative and sum to 1 are probabilities', async () => {
  assert.equal(await ask(0.25, 0.75), 'probabilities')
  assert.equal(await ask(0.2505, 0.7505), 'probabilities')
  assert.equal(await ask(-0.5, 1.5), 'logits')
  assert.equal(await ask(Number.NaN, 1), 'logits')
})

test('scores that are all between 0 and 1 are, where several classes may be right', async () => {
  assert.equal(await ask(0.5, 0.9), 'probabilities')
  assert.equal(await ask(0.7), 'probabilities')
  assert.equal(await ask(0.5, 1.9), 'logits')
  assert.equal(await ask(0.5, -0.1), 'logits')
})

test('scores of one picture may be an accident, so several are asked', () => {
  const often = Float32Array.of(0.5, 0.5)
  assert.equal(trialCrops(cropBytes).length, 4)
  assert.equal(kindOf([often, often, often, Float32Array.of(0.5, 1.9)]), 'logits')
})

/** A model that scores each crop's first byte, and adds `share` of the mean of all to it. */
const withCompany = (share: number) => (crops: Uint8Array, count: number) => {
  const own = Array.from({ length: count }, (_, at) => crops[at * cropBytes] ?? 0)
  const mean = own.reduce((sum, value) => sum + value, 0) / count
  return Float32Array.from(own, (value) => value + share * mean)
}

test('images that change the scores of those beside them are told', async () => {
  assert.equal(await mixesImages(cropBytes, withCompany(0)), false)
  assert.equal(await mixesImages(cropBytes, withCompany(1)), true)
})

test('a model that cannot run several images mixes them', async () => {
  const run = (_: Uint8Array, count: number) => {
    if (count > 1) throw new Error('one at a time')
    return Float32Array.of(1)
  }
  assert.equal(await mixesImages(cropBytes, run), true)
})
