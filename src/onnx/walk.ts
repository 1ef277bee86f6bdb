// Index arithmetic for moving the elements of constants.
import { elementCount } from '../graph/tensor.ts'

/** One axis of a walk over a constant: `size` steps of `stride` elements, from `start`. */
export interface Walk {
  readonly size: number
  readonly stride: number
  readonly start?: number
}

/** The indices that nested walks visit, the last axis fastest. */
export function walkIndices(walks: readonly Walk[]): Int32Array {
  let indices = Int32Array.of(0)
  for (const { size, stride, start = 0 } of walks) {
    const next = new Int32Array(indices.length * size)
    let at = 0
    for (const base of indices) {
      for (let i = 0; i < size; i++) next[at++] = base + start + i * stride
    }
    indices = next
  }
  return indices
}

/** Elements between neighbours along each axis of a row-major shape. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)))
}

/** For each element of `to`, which element of `from` it repeats. */
export function broadcastIndices(from: readonly number[], to: readonly number[]): Int32Array {
  const strides = stridesOf(from)
  const added = to.length - from.length
  return walkIndices(
    to.map((size, axis) => {
      const stride = from[axis - added] === 1 ? 0 : (strides[axis - added] ?? 0)
      return { size, stride }
    }),
  )
}
