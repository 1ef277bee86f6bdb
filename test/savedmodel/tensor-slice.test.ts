import assert from 'node:assert/strict'
import { test } from 'node:test'
import { float32Tensor, float32Values } from '../../src/graph/tensor.ts'
import { cutSlice, parseSlice, pasteSlice, sliceKey } from '../../src/savedmodel/tensor-slice.ts'

const ramp = () =>
  float32Tensor(
    [3, 4],
    Float32Array.from({ length: 12 }, (_, i) => i),
  )

test('a slice names sizes and a range a dimension, and an empty or whole one is no slice', () => {
  assert.equal(parseSlice(''), null)
  assert.equal(parseSlice('3 4 -:-'), null)
  assert.deepEqual(parseSlice('3 4 1,2:-'), [
    { start: 1, length: 2 },
    { start: 0, length: 4 },
  ])
  assert.throws(() => parseSlice('3 4 1,2'), /is no slice/)
  assert.throws(() => parseSlice('3 4 1,2:x'), /is no slice/)
})

test('a part is cut out of a tensor and pasted back to the same place', () => {
  const extents = [
    { start: 1, length: 2 },
    { start: 2, length: 2 },
  ]
  const part = cutSlice(ramp(), extents)
  assert.deepEqual(
    [part.shape, [...float32Values(part)]],
    [
      [2, 2],
      [6, 7, 10, 11],
    ],
  )
  const empty = float32Tensor([3, 4], new Float32Array(12))
  pasteSlice(empty, extents, part.bytes)
  assert.deepEqual([...float32Values(empty)], [0, 0, 0, 0, 0, 0, 6, 7, 0, 0, 10, 11])
})

test('a part that leaves its tensor is refused', () => {
  const outside = [
    { start: 2, length: 2 },
    { start: 0, length: 4 },
  ]
  assert.throws(() => cutSlice(ramp(), outside), /the part 2,2:0,4 is not inside \[3,4\]/)
  assert.throws(() => pasteSlice(ramp(), [{ start: 0, length: 1 }], new Uint8Array()), /not inside/)
})

test('the key of a part is written as TensorFlow orders its numbers', () => {
  const key = sliceKey('v', [
    { start: 0n, length: 63n },
    { start: 64n, length: 300n },
  ])
  assert.equal(key, '\0v\0\x01\x01\x02\x80\xbf\xc0\x40\xc1\x2c')
})
