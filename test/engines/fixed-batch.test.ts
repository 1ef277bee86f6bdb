import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedBatches, joinScores } from '../../src/engines/fixed-batch.ts'

test('crops come in batches of one size, the last filled up with zeros', () => {
  const crops = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) // five crops of two bytes
  const batches = Array.from(fixedBatches(crops, 4), (batch) => [...batch])
  assert.deepEqual(batches, [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 0, 0],
  ])
})

test('scores of batches become those of the crops, without what filled the last batch up', () => {
  const batches = [Float32Array.of(1, 2, 3, 4), Float32Array.of(5, 6, 0, 0)] // [2, 2] each
  assert.deepEqual(joinScores(batches, { size: 2, count: 3 }), Float32Array.of(1, 2, 3, 4, 5, 6))
})

test('a batch that one crop does not fill gives the scores of that crop', () => {
  assert.deepEqual(
    joinScores([Float32Array.of(7, 8, 9, 1, 2, 3)], { size: 2, count: 1 }),
    Float32Array.of(7, 8, 9),
  )
})
