// float16 (IEEE 754 binary16): sign, five bits of exponent, ten of fraction.

/** The largest finite float16. */
const largestBits = 0x7bff
/** float32 bits of 65520: from here on, numbers would be rounded to infinity. */
const overflowBits = 0x477ff000
/** float32 bits of 2^-14, the smallest normal float16. */
const smallestNormalBits = 0x38800000
const subnormalStep = 2 ** -24
/** The exponents' difference in offset, 127 - 15, in place. */
const exponentShift = 112 << 23

/** The number that 16 bits mean. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * subnormalStep
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/**
 * The nearest float16 of each number, ties to even. What is too large becomes the largest finite
 * one: an infinite weight would make every answer NaN.
 */
export function toHalves(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  return Uint16Array.from(bits, nearestHalf)
}

function nearestHalf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const size = bits & 0x7fffffff
  if (size > 0x7f800000) return sign | 0x7e00 // NaN
  if (size >= overflowBits) return sign | largestBits
  if (size < smallestNormalBits) return sign | subnormalHalf(size)
  const isOdd = (size >>> 13) & 1
  return sign | ((size - exponentShift + 0xfff + isOdd) >>> 13)
}

const oneFloat = new Float32Array(1)
const oneBits = new Uint32Array(oneFloat.buffer)

/** Whole steps of 2^-24. */
function subnormalHalf(size: number): number {
  oneBits[0] = size
  const steps = (oneFloat[0] as number) / subnormalStep
  const below = Math.floor(steps)
  const rest = steps - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}
