// Sizes that are known before a run, with the batch as the one unknown.
import type { Shape } from '../graph/graph.ts'

/** A static shape, except that -k means k times the batch: [-1, 7, 7, 64] flattens to [-49, 64]. */
export type Extents = readonly number[]

/** The product of the sizes; negative where the batch is one of its factors. */
export function extentProduct(extents: Extents): number {
  const product = extents.reduce((total, size) => total * Math.abs(size), 1)
  return extents.some((size) => size < 0) ? -product : product
}

export function sameExtents(a: Extents, b: Extents): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

/** The shape that two shapes broadcast to, or null where they do not fit. */
export function broadcastExtents(a: Extents, b: Extents): Extents | null {
  const rank = Math.max(a.length, b.length)
  const result: number[] = []
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    if (left !== right && left !== 1 && right !== 1) return null
    result.push(left === 1 ? right : left)
  }
  return result
}

/** `[batch, 7, 7, 64]`, for messages. */
export function describeExtents(extents: Extents | Shape): string {
  if (extents === null) return 'unknown'
  const names = extents.map((size) =>
    size >= 0 ? String(size) : size === -1 ? 'batch' : `${-size}*batch`,
  )
  return `[${names.join(', ')}]`
}
