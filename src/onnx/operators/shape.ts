// Operators that rename axes or compute with shapes; few of them cost anything at run time.
import { type Extents, extentProduct } from '../extent.ts'
import { type Known, known, knownFromTensor, knownIntegers, requireRoom } from '../known.ts'
import { arrangeKnown, reshape, store } from '../layout.ts'
import type { Operation, Operator } from '../operation.ts'
import { arrange } from '../permutation.ts'
import type { Value } from '../value.ts'

function constant(operation: Operation): Value {
  const attribute = operation.node.attributes.value
  if (attribute?.kind !== 'tensor') return operation.unsupported('has no tensor in its `value`')
  return (
    knownFromTensor(attribute.value) ??
    operation.unsupported(`holds ${attribute.value.dtype}, which no operator here computes with`)
  )
}

/** The shape as integers; the batch stays symbolic in them. */
function shapeOf(operation: Operation): Known {
  const { shape } = operation.input(0)
  const dtype = operation.type('out_type', 'int32')
  return withBatch(shape, knownIntegers(shape.map(Math.abs), dtype))
}

function sizeOf(operation: Operation): Known {
  const size = extentProduct(operation.input(0).shape)
  return withBatch([size], known(operation.type('out_type', 'int32'), [], [Math.abs(size)]))
}

function withBatch(extents: Extents, value: Known): Known {
  if (extents.every((size) => size >= 0)) return value
  return { ...value, perBatch: Uint8Array.from(extents, (size) => Number(size < 0)) }
}

function reshapeTo(operation: Operation): Value {
  const target = operation.input(1)
  if (target.kind !== 'known') return operation.unsupported('takes its shape from computed values')
  const total = extentProduct(operation.input(0).shape)
  return reshape(operation.emitter, operation.input(0), resolveShape(operation, target, total))
}

/** The target shape with its -1, if it has one, replaced by what is left of `total`. */
function resolveShape(operation: Operation, target: Known, total: number): Extents {
  const sizes = Array.from(target.elements, (size, i) => (target.perBatch?.[i] ? -size : size))
  const isOpen = (size: number, i: number) => size === -1 && !target.perBatch?.[i]
  const given = extentProduct(sizes.filter((size, i) => !isOpen(size, i)))
  const isBatchLeft = total < 0 && given > 0
  const rest = (Math.abs(total) / Math.abs(given)) * (isBatchLeft ? -1 : 1)
  const shape = sizes.map((size, i) => (isOpen(size, i) ? rest : size))
  if (extentProduct(shape) !== total || !shape.every(Number.isInteger)) {
    operation.unsupported(`reshapes to [${Array.from(target.elements)}]`)
  }
  return shape
}

function squeeze(operation: Operation): Value {
  const { shape } = operation.input(0)
  const named = operation.ints('squeeze_dims', operation.ints('axis', []))
  const axes = named.map((axis) => operation.axis(axis, shape.length))
  const isDropped = (size: number, axis: number) =>
    axes.length > 0 ? axes.includes(axis) : size === 1
  const left = shape.filter((size, axis) => !isDropped(size, axis))
  return reshape(operation.emitter, operation.input(0), left)
}

function expandDimensions(operation: Operation): Value {
  const { shape } = operation.input(0)
  const [axis] = operation.integers(1, 'axis') as [number]
  const at = operation.axis(axis, shape.length + 1)
  return reshape(operation.emitter, operation.input(0), shape.toSpliced(at, 0, 1))
}

/** A transpose only gives the axes new numbers: nothing moves until somebody needs an order. */
function transpose(operation: Operation): Value {
  const x = operation.input(0)
  const axes = operation.integers(1, 'permutation')
  if (x.kind === 'known') return arrangeKnown(x, axes)
  const stored = store(operation.emitter, x)
  return {
    ...stored,
    shape: arrange(stored.shape, axes),
    order: stored.order.map((axis) => axes.indexOf(axis)),
  }
}

/** Floats are counted and made in float32: in float64, 0.3 by steps of 0.1 would take one more. */
function range(operation: Operation): Value {
  const [start, limit, step] = [0, 1, 2].map((i) => operation.constant(i, 'bounds')) as [
    Known,
    Known,
    Known,
  ]
  const [from, to, by] = [start, limit, step].map(({ elements }) => elements[0]) as [
    number,
    number,
    number,
  ]
  const rounded = start.dtype === 'float32' ? Math.fround : (value: number) => value
  const length = Math.max(Math.ceil(rounded(rounded(to - from) / by)), 0)
  requireRoom([length])
  return known(
    start.dtype,
    [length],
    Array.from({ length }, (_, i) => from + rounded(i * by)),
  )
}

function spaceEvenly(operation: Operation): Value {
  const bounds = [0, 1, 2].map((i) => operation.constant(i, 'bounds')) as [Known, Known, Known]
  const [from, to, length] = bounds.map(({ elements }) => elements[0]) as [number, number, number]
  requireRoom([length])
  const last = length - 1
  const step = last > 0 ? (to - from) / last : 0
  return known(
    bounds[0].dtype,
    [length],
    Array.from({ length }, (_, i) => (i > 0 && i === last ? to : from + i * step)),
  )
}

const pass: Operator = (operation) => operation.input(0)

export const shapeOperators: Readonly<Record<string, Operator>> = {
  Const: constant,
  Identity: pass,
  StopGradient: pass,
  PreventGradient: pass,
  CheckNumerics: pass,
  Snapshot: pass,
  EnsureShape: pass,
  PlaceholderWithDefault: pass,
  IdentityN: ({ inputs }) => inputs,
  Shape: shapeOf,
  ShapeN: ({ inputs }) =>
    inputs.map(({ shape }) => withBatch(shape, knownIntegers(shape.map(Math.abs)))),
  Size: sizeOf,
  Rank: (operation) => known('int32', [], [operation.input(0).shape.length]),
  Reshape: reshapeTo,
  Squeeze: squeeze,
  ExpandDims: expandDimensions,
  Transpose: transpose,
  Range: range,
  LinSpace: spaceEvenly,
}
