// Orders of axes. A stored value keeps TensorFlow's axes in another order in memory: `order[i]` is
// the logical (TensorFlow) axis that lies at position i, so NCHW holds an NHWC value as [0, 3, 1, 2].
import type { Extents } from './extent.ts'

export type AxisOrder = readonly number[]

/** [0, 1, …]: the axes lie as TensorFlow has them. */
export function plainOrder(rank: number): AxisOrder {
  return Array.from({ length: rank }, (_, axis) => axis)
}

/** How an NHWC value (or NWC, NDHWC) lies with its channels in front. */
export function channelsFirst(rank: number): AxisOrder {
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 1)
  return [0, rank - 1, ...spatial]
}

export function sameOrder(a: AxisOrder, b: AxisOrder): boolean {
  return a.length === b.length && a.every((axis, position) => axis === b[position])
}

export function isPlain(order: AxisOrder): boolean {
  return order.every((axis, position) => axis === position)
}

/** Sizes of a logical shape in the order they lie in memory. */
export function arrange<Item>(items: readonly Item[], order: AxisOrder): Item[] {
  return order.map((axis) => items[axis] as Item)
}

/** Where a logical axis lies in memory. */
export function positionOf(order: AxisOrder, axis: number): number {
  return order.indexOf(axis)
}

/** The `perm` attribute of the ONNX Transpose that brings `from` into the order `to`. */
export function transposition(from: AxisOrder, to: AxisOrder): number[] {
  return to.map((axis) => from.indexOf(axis))
}

/** Whether both orders hold the same bytes: only axes of size 1 lie differently. */
export function sameBytes(shape: Extents, a: AxisOrder, b: AxisOrder): boolean {
  const real = (order: AxisOrder) => order.filter((axis) => shape[axis] !== 1)
  return sameOrder(real(a), real(b))
}
