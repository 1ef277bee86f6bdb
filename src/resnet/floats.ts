// The three float formats that weights are published in, as float32.
import { float32Values, type Tensor } from '../graph/tensor.ts'

/** Formats `toFloat32` reads. */
export const floatTypes = ['float32', 'float16', 'bfloat16'] as const

/** The elements of a tensor as float32, or null where its type is not one of `floatTypes`. */
export function toFloat32(tensor: Tensor): Float32Array | null {
  switch (tensor.dtype) {
    case 'float32':
      return float32Values(tensor)
    case 'bfloat16':
      return widen(tensor.bytes, (half) => half << 16)
    case 'float16':
      return widen(tensor.bytes, float16Bits)
    default:
      return null
  }
}

/** Every 16-bit little-endian element through `convert`, which gives the bits of a float32. */
function widen(bytes: Uint8Array, convert: (half: number) => number): Float32Array {
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const bits = new Int32Array(bytes.byteLength / 2)
  for (let index = 0; index < bits.length; index++) {
    bits[index] = convert(source.getUint16(index * 2, true))
  }
  return new Float32Array(bits.buffer)
}

/** IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) as the bits of binary32 (1, 8, 23). */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13) // infinity, NaN
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13) // bias 15 -> 127
  if (fraction === 0) return sign
  // Subnormal: fraction × 2^-24 is a normal number in binary32.
  const highest = 31 - Math.clz32(fraction)
  return sign | ((highest + 103) << 23) | ((fraction << (23 - highest)) & 0x7fffff)
}
