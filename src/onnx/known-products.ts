// Sums of products of constants, computed at conversion: kernels that a graph puts together from factors
// (low-rank adapters, normalised weights) are constants like any other then.
import { elementCount } from '../graph/tensor.ts'
import type { Emitter } from './emitter.ts'
import { type Known, known, requireRoom } from './known.ts'
import { stridesOf, walkIndices } from './walk.ts'

/** One operand and the names of its axes, one letter each, as in an Einstein summation. */
export interface Factor {
  readonly value: Known
  readonly axes: string
}

/** The letters' sizes; axes of size 1 repeat along others of their name. */
function sizesOf(factors: readonly Factor[]): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { value, axes } of factors) {
    for (const [at, axis] of Array.from(axes).entries()) {
      sizes.set(axis, Math.max(sizes.get(axis) ?? 1, value.shape[at] as number))
    }
  }
  return sizes
}

/**
 * The sum of the products of one or two constants of floats over all axes that `result` does not name;
 * null where the engine is to compute it: it is too much work, or not of floats.
 * @throws OperandError where the result is larger than any constant may be
 */
export function sumKnownProducts(
  emitter: Emitter,
  factors: readonly [Factor, Factor?],
  result: string,
): Known | null {
  const given = factors.filter((factor) => factor !== undefined)
  if (given.some(({ value }) => value.dtype !== 'float32')) return null
  const sizes = sizesOf(given)
  const shape = Array.from(result, (axis) => sizes.get(axis) as number)
  requireRoom(shape)
  if (!emitter.affords(elementCount([...sizes.values()]))) return null
  const summed = [...sizes.keys()].filter((axis) => !result.includes(axis)).join('')
  const [a, b] = given.map((factor): Places => {
    const walk = (axes: string) =>
      walkIndices(
        Array.from(axes, (axis) => ({
          size: sizes.get(axis) as number,
          stride: strideAlong(axis, factor),
        })),
      )
    return { elements: factor.value.elements, starts: walk(result), steps: walk(summed) }
  })
  return known('float32', shape, sumAt(elementCount(shape), a as Places, b))
}

/** Elements between neighbours along an axis, which may be named twice (a diagonal) or not at all. */
function strideAlong(axis: string, { value, axes }: Factor): number {
  const strides = stridesOf(value.shape)
  return Array.from(axes).reduce((sum, name, at) => {
    return name === axis && value.shape[at] !== 1 ? sum + (strides[at] as number) : sum
  }, 0)
}

/** Where an operand's elements lie: from where for each result, and at what distances for its sum. */
interface Places {
  readonly elements: Known['elements']
  readonly starts: Int32Array
  readonly steps: Int32Array
}

function sumAt(count: number, a: Places, b: Places | undefined): Float32Array {
  const sums = new Float32Array(count)
  const { length } = a.steps
  for (let i = 0; i < count; i++) {
    const startA = a.starts[i] as number
    const startB = b?.starts[i] ?? 0
    let sum = 0
    for (let k = 0; k < length; k++) {
      const left = a.elements[startA + (a.steps[k] as number)] as number
      sum += b ? left * (b.elements[startB + (b.steps[k] as number)] as number) : left
    }
    sums[i] = sum
  }
  return sums
}
