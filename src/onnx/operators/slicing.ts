// Operators that cut along axes.
import type { Extents } from '../extent.ts'
import { type Known, pick } from '../known.ts'
import { reshape, store } from '../layout.ts'
import type { Operation, Operator } from '../operation.ts'
import { positionOf } from '../permutation.ts'
import type { Value } from '../value.ts'
import { stridesOf, walkIndices } from '../walk.ts'
import { extentsOf } from './broadcasting.ts'

/** What is kept of one axis: `size` elements from `start`, `step` apart. */
export interface Cut {
  readonly start: number
  readonly size: number
  readonly step: number
}

/** StridedSlice: Python's x[a:b:c, ..., new, i] with its parts as bit masks. */
function sliceStrided(operation: Operation): Value {
  const x = operation.input(0)
  const parts = readParts(operation, x.shape)
  const cuts = parts.flatMap((part) => (part.kind === 'cut' ? [part.cut] : []))
  const cut = cutAxes(operation, x, cuts)
  const shape: number[] = []
  let axis = 0
  for (const part of parts) {
    if (part.kind === 'new') shape.push(1)
    else if (part.drops) axis += 1
    else shape.push(cut.shape[axis++] as number)
  }
  return reshape(operation.emitter, cut, shape)
}

type Part = { kind: 'new' } | { kind: 'cut'; cut: Cut; drops: boolean }

/** The operands and bit masks of a StridedSlice. */
interface SliceSpec {
  readonly begin: readonly number[]
  readonly end: readonly number[]
  readonly strides: readonly number[]
  /** Whether bit i of the mask is set. */
  masked(mask: MaskName, i: number): boolean
}

type MaskName = 'begin' | 'end' | 'ellipsis' | 'new_axis' | 'shrink_axis'

function readSpec(operation: Operation): SliceSpec {
  const operands = ['begin', 'end', 'strides'].map((role, i) => operation.integers(i + 1, role))
  const [begin, end, strides] = operands as [number[], number[], number[]]
  const masked = (mask: MaskName, i: number) => ((operation.int(`${mask}_mask`, 0) >> i) & 1) === 1
  return { begin, end, strides, masked }
}

function readParts(operation: Operation, shape: Extents): Part[] {
  const spec = readSpec(operation)
  const { begin, masked } = spec
  const named = begin.filter((_, i) => !masked('ellipsis', i) && !masked('new_axis', i)).length
  const parts: Part[] = []
  let axis = 0
  const keep = (count: number) => {
    for (let left = count; left > 0; left--) {
      parts.push({ kind: 'cut', cut: wholeAxis(shape[axis++] as number), drops: false })
    }
  }
  for (let i = 0; i < begin.length; i++) {
    if (masked('ellipsis', i)) keep(shape.length - named)
    else if (masked('new_axis', i)) parts.push({ kind: 'new' })
    else parts.push(readCut(spec, i, shape[axis++] as number))
  }
  keep(shape.length - axis)
  return parts
}

function readCut({ begin, end, strides, masked }: SliceSpec, i: number, size: number): Part {
  const from = begin[i] as number
  if (masked('shrink_axis', i)) return { kind: 'cut', cut: oneOf(size, from), drops: true }
  const bounds = {
    from: masked('begin', i) ? undefined : from,
    to: masked('end', i) ? undefined : (end[i] as number),
    step: strides[i] as number,
  }
  return { kind: 'cut', cut: cutOf(size, bounds), drops: false }
}

export function wholeAxis(size: number): Cut {
  return { start: 0, size, step: 1 }
}

function oneOf(size: number, index: number): Cut {
  return { start: index < 0 ? index + Math.abs(size) : index, size: 1, step: 1 }
}

/** What stands for the end of an axis whose size was unknown. */
const openEnd = 2 ** 31 - 1

/** Python's slice of an axis; undefined bounds are the ends. */
function cutOf(
  size: number,
  { from, to, step }: { from: number | undefined; to: number | undefined; step: number },
): Cut {
  if (step === 1 && (from ?? 0) === 0 && (to ?? openEnd) >= openEnd) return wholeAxis(size)
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1]
  const clamp = (index: number) => Math.min(Math.max(index < 0 ? index + size : index, low), high)
  const start = from === undefined ? (step > 0 ? 0 : size - 1) : clamp(from)
  const stop = to === undefined ? (step > 0 ? size : -1) : clamp(to)
  return { start, size: Math.max(Math.ceil((stop - start) / step), 0), step }
}

function slice(operation: Operation): Value {
  const x = operation.input(0)
  const begin = operation.integers(1, 'begin')
  const sizes = extentsOf(operation, 2)
  const cuts = x.shape.map((size, axis): Cut => {
    const start = begin[axis] as number
    const count = sizes[axis] as number
    if (count < -1 && count !== size) operation.unsupported('cuts the batch')
    if (start === 0 && (count === -1 || count === size)) return wholeAxis(size)
    return { start, size: count === -1 ? size - start : count, step: 1 }
  })
  return cutAxes(operation, x, cuts)
}

/** Keeps `cuts` of all axes of x. */
export function cutAxes(operation: Operation, x: Value, cuts: readonly Cut[]): Value {
  const shape = cuts.map(({ size }) => size)
  const isCut = ({ start, size, step }: Cut, axis: number) =>
    start !== 0 || step !== 1 || size !== x.shape[axis]
  const axes = cuts.flatMap((cut, axis) => (isCut(cut, axis) ? [axis] : []))
  if (axes.length === 0) return x
  if (axes.some((axis) => (x.shape[axis] as number) < 0)) operation.unsupported('cuts the batch')
  if (x.kind === 'known') return cutKnown(x, cuts)
  const { emitter } = operation
  const stored = store(emitter, x)
  const chosen = axes.map((axis) => cuts[axis] as Cut)
  const operands = [
    chosen.map(({ start }) => start),
    chosen.map(endOf),
    axes.map((axis) => positionOf(stored.order, axis)),
    chosen.map(({ step }) => step),
  ]
  const inputs = [stored.name, ...operands.map((values) => emitter.integers(values))]
  return emitter.node('Slice', { inputs }, { ...stored, shape })
}

/** Backwards to the very first element, the end would be -1, which ONNX counts from behind. */
function endOf({ start, size, step }: Cut): number {
  const end = start + size * step
  return end < 0 ? Number.MIN_SAFE_INTEGER : end
}

export function cutKnown(x: Known, cuts: readonly Cut[]): Known {
  const strides = stridesOf(x.shape)
  const walks = cuts.map(({ start, size, step }, axis) => {
    const stride = strides[axis] as number
    return { size, start: start * stride, stride: step * stride }
  })
  return pick(
    x,
    cuts.map(({ size }) => size),
    walkIndices(walks),
  )
}

function reverse(operation: Operation): Value {
  const x = operation.input(0)
  const axes = operation.integers(1, 'axes').map((axis) => operation.axis(axis, x.shape.length))
  const cuts = x.shape.map(
    (size, axis): Cut =>
      axes.includes(axis) ? { start: size - 1, size, step: -1 } : wholeAxis(size),
  )
  return cutAxes(operation, x, cuts)
}

export const slicingOperators: Readonly<Record<string, Operator>> = {
  Slice: slice,
  StridedSlice: sliceStrided,
  ReverseV2: reverse,
}
