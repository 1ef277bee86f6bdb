// Which reshapes are free in a value's memory order, and in which order the result then lies.
import { type Extents, extentProduct } from './extent.ts'
import { type AxisOrder, channelsFirst, plainOrder, sameBytes } from './permutation.ts'
import type { Stored } from './value.ts'

/** Axes [from, to) of the old shape that hold the same elements as axes of the new one. */
interface Group {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

/**
 * The order of `value` reshaped to `shape` without moving a byte, or null where bytes must move.
 * A reshape splits into groups of axes, e.g. [n, h, w, c] -> [n, h*w, c] into n, (h w), c; it is
 * free where the axes of each group lie together and in sequence.
 */
export function reshapeOrder(value: Stored, shape: Extents): AxisOrder | null {
  const groups = groupAxes(value.shape, shape)
  const lying = value.order.filter((axis) => value.shape[axis] !== 1)
  const order: number[] = []
  for (let at = 0; at < lying.length; ) {
    const group = groups.find(({ before }) => before[0] === lying[at])
    if (group === undefined) return null
    if (group.before.some((axis, i) => lying[at + i] !== axis)) return null
    at += group.before.length
    order.push(...group.after)
  }
  return placeOnes(shape, order)
}

/**
 * Whether a reshape puts numbers of several images into one row, or parts of an image into several:
 * it does where the batch is not the slowest axis of those that it is split or joined with.
 */
export function mixesImages(before: Extents, after: Extents): boolean {
  return groupAxes(before, after).some((group) => {
    const isBehind = (axes: readonly number[], shape: Extents) =>
      axes.slice(1).some((axis) => (shape[axis] as number) < 0)
    return isBehind(group.before, before) || isBehind(group.after, after)
  })
}

/** Axes of size 1 lie anywhere; where possible the result is laid out for convolutions. */
function placeOnes(shape: Extents, real: readonly number[]): AxisOrder {
  const order = [...real]
  shape.forEach((size, axis) => {
    if (size !== 1) return
    const previous = order.indexOf(axis - 1)
    order.splice(previous + 1, 0, axis)
  })
  if (shape.length !== 4) return order
  const preferred = channelsFirst(4)
  return sameBytes(shape, order, preferred) ? preferred : order
}

function groupAxes(before: Extents, after: Extents): Group[] {
  const from = realAxes(before)
  const to = realAxes(after)
  const groups: Group[] = []
  let [i, j] = [0, 0]
  while (i < from.length || j < to.length) {
    const group: { before: number[]; after: number[] } = { before: [], after: [] }
    const sizes = (axes: number[], shape: Extents) => axes.map((axis) => shape[axis] as number)
    do {
      const left = extentProduct(sizes(group.before, before))
      const right = extentProduct(sizes(group.after, after))
      if (j >= to.length || (i < from.length && isSmaller(left, right)))
        group.before.push(from[i++] as number)
      else group.after.push(to[j++] as number)
    } while (
      (i < from.length || j < to.length) &&
      extentProduct(sizes(group.before, before)) !== extentProduct(sizes(group.after, after))
    )
    groups.push(group)
  }
  return groups
}

/** Of two products of the same size the one without the batch is still the smaller. */
function isSmaller(left: number, right: number): boolean {
  const [l, r] = [Math.abs(left), Math.abs(right)]
  return l === r ? left > 0 : l < r
}

function realAxes(shape: Extents): number[] {
  return plainOrder(shape.length).filter((axis) => shape[axis] !== 1)
}
