// Compares images pixel by pixel.
import assert from 'node:assert/strict'

/** Mean absolute difference of two images of one size, of 255. */
export function meanDifference(actual: Uint8Array, expected: Uint8Array): number {
  assert.equal(actual.length, expected.length, 'the images have different sizes')
  let sum = 0
  for (const [i, value] of actual.entries()) sum += Math.abs(value - (expected[i] as number))
  return sum / actual.length
}
