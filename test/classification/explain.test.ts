import assert from 'node:assert/strict'
import test from 'node:test'
import { sizeOfMap } from '../../src/classification/explain.ts'

/** Rows and columns of a map, and of the pixels that the network takes. */
const forms: readonly (readonly [number, number, number, number])[] = [
  [7, 7, 224, 224],
  [12, 12, 384, 384],
  [1, 1, 32, 32],
  [47, 63, 96, 128],
  [8, 18, 100, 225],
  [18, 8, 225, 100],
  [4, 7, 128, 224],
  [1, 5, 32, 160],
]

test('places of a class map lie as the pixels of the input do, also where it is no square', () => {
  for (const [height, width, down, across] of forms) {
    assert.deepEqual(sizeOfMap(height * width, down / across), { height, width })
  }
})
