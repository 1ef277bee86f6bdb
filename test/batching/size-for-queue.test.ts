import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeForQueue } from '../../src/batching/size-for-queue.ts'

function sizes(small: number, max: number, waiting: readonly number[]): number[] {
  return waiting.map((count) => sizeForQueue(count, { small, max }))
}

test('batches are small and even while few wait, and full while many do', () => {
  assert.deepEqual(sizes(4, 8, [0, 1, 2, 4, 5, 6, 8, 9, 13, 15]), [0, 1, 2, 4, 3, 3, 4, 3, 4, 4])
  assert.deepEqual(sizes(4, 8, [16, 17, 200]), [8, 8, 8])
  assert.deepEqual(sizes(2, 4, [1, 2, 3, 4, 7, 8]), [1, 2, 2, 2, 2, 4])
})

test('where small batches are as large as full ones, all that fit run together', () => {
  assert.deepEqual(sizes(8, 8, [1, 8, 9, 40]), [8, 8, 8, 8])
  assert.deepEqual(sizes(32, 8, [1, 9]), [8, 8])
})
