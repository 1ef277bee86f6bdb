// Integers as TensorFlow computes with them: of a result that its type cannot hold the lowest bits are left.
import type { DataType } from '../graph/data-type.ts'

export const integerBits: Partial<Record<DataType, number>> = {
  ...{ uint8: 8, uint16: 16, uint32: 32, uint64: 64 },
  ...{ int8: 8, int16: 16, int32: 32, int64: 64 },
}

/** A function of two numbers, and the same of whole numbers of any size. */
export interface WholeBinary {
  compute(a: number, b: number): number
  /** Given where results may be larger than float64 tells apart. */
  readonly exact?: (a: bigint, b: bigint) => bigint
}

/** The function of two whole numbers in `dtype`. */
export function computeWhole(
  { compute, exact }: WholeBinary,
  [a, b]: readonly [number, number],
  dtype: DataType,
): number {
  const result = compute(a, b)
  if (exact === undefined || Number.isSafeInteger(result)) return wrap(result, dtype)
  return Number(wrapWhole(exact(BigInt(a), BigInt(b)), dtype))
}

/** What is left of a whole number in `dtype`; every number is left where that holds no integers. */
export function wrap(value: number, dtype: DataType): number {
  const bits = integerBits[dtype]
  if (bits === undefined || !Number.isInteger(value)) return value
  const [low, high] = dtype.startsWith('u') ? [0, 2 ** bits] : [-(2 ** (bits - 1)), 2 ** (bits - 1)]
  if (value >= low && value < high) return value
  // float64 holds 2^63 - 1 as 2^63, the size of "as many as there are".
  if (value === high && bits === 64) return value
  return Number(wrapWhole(BigInt(value), dtype))
}

function wrapWhole(value: bigint, dtype: DataType): bigint {
  const bits = integerBits[dtype] ?? 64
  return dtype.startsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)
}

/** The lowest 64 bits of a power, which may have any number of digits. */
export function raiseWhole(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base]
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = BigInt.asIntN(64, result * square)
    square = BigInt.asIntN(64, square * square)
  }
  return result
}
