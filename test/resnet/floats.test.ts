import assert from 'node:assert/strict'
import test from 'node:test'
import type { DataType } from '../../src/graph/data-type.ts'
import { toFloat32 } from '../../src/resnet/floats.ts'

function read(dtype: DataType, halves: readonly number[]): readonly number[] {
  // At an odd address, where a file may well have put it.
  const bytes = Buffer.alloc(halves.length * 2 + 1).subarray(1)
  halves.forEach((half, index) => {
    bytes.writeUInt16LE(half, index * 2)
  })
  return [...(toFloat32({ dtype, shape: [halves.length], bytes }) ?? [])]
}

test('float16 is read exactly: normal, subnormal, signed zero, infinity and NaN', () => {
  const halves = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0x7c00, 0xfc00, 0x7e00]
  const expected = [1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, -0, Infinity, -Infinity, Number.NaN]
  assert.deepEqual(read('float16', halves), expected)
})

test('every float16 is its sign, exponent and fraction by the definition of IEEE 754', () => {
  const all = Array.from({ length: 0x10000 }, (_, half) => half)
  read('float16', all).forEach((value, half) => {
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023]
    const magnitude =
      exponent === 31
        ? fraction === 0
          ? Infinity
          : Number.NaN
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25)
    assert.ok(Object.is(value, half & 0x8000 ? -magnitude : magnitude), `0x${half.toString(16)}`)
  })
})

test('bfloat16 is the upper half of a float32', () => {
  assert.deepEqual(read('bfloat16', [0x3f80, 0xc049, 0x7f80]), [1, -3.140625, Infinity])
})

test('whole numbers are no weights', () => {
  assert.equal(toFloat32({ dtype: 'int64', shape: [1], bytes: new Uint8Array(8) }), null)
})
