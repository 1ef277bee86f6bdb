// Operators that repeat values, also as often as there are images in the batch.
import { elementCount } from '../../graph/tensor.ts'
import { broadcastKnown } from '../arithmetic.ts'
import { broadcastExtents, type Extents } from '../extent.ts'
import { type Known, known, knownIntegers, pick, requireRoom } from '../known.ts'
import { inPlainOrder, store } from '../layout.ts'
import { int, pixelsName } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { arrange, plainOrder } from '../permutation.ts'
import type { Value } from '../value.ts'
import { stridesOf, walkIndices } from '../walk.ts'

/** A shape operand in which sizes may depend on the batch (negative, extent.ts). */
export function extentsOf(operation: Operation, index: number): Extents {
  const target = operation.input(index)
  if (target.kind !== 'known') return operation.unsupported('takes its shape from computed values')
  return Array.from(target.elements, (size, i) => (target.perBatch?.[i] ? -size : size))
}

function broadcastTo(operation: Operation): Value {
  return expand(operation, operation.input(0), extentsOf(operation, 1))
}

function fill(operation: Operation): Value {
  const shape = extentsOf(operation, 0)
  const value = operation.constant(1, 'value')
  if (shape.some((size) => size < 0)) return expand(operation, value, shape)
  return broadcastKnown(value, shape)
}

export function expand(operation: Operation, value: Value, shape: Extents): Value {
  const isStatic = shape.every((size) => size >= 0)
  if (value.kind === 'known' && isStatic) return broadcastKnown(value, shape)
  const { emitter } = operation
  const plain = inPlainOrder(emitter, value)
  const target = isStatic ? emitter.integers(shape) : writeShape(operation, shape)
  const result = { dtype: plain.dtype, shape, order: plainOrder(shape.length) }
  return emitter.node('Expand', { inputs: [plain.name, target] }, result)
}

/** The name of an int64 vector with the run's own batch in it. */
function writeShape(operation: Operation, shape: Extents): string {
  const { emitter } = operation
  const vector = { dtype: 'int64', shape: [1], order: [0] } as const
  const batch = emitter.node(
    'Shape',
    { inputs: [pixelsName], attributes: { start: int(0), end: int(1) } },
    vector,
  )
  const parts = shape.map((size) => {
    if (size >= 0) return emitter.integers([size])
    if (size === -1) return batch.name
    return emitter.node('Mul', { inputs: [batch.name, emitter.integers([-size])] }, vector).name
  })
  const whole = { ...vector, shape: [shape.length] }
  return emitter.node('Concat', { inputs: parts, attributes: { axis: int(0) } }, whole).name
}

function tile(operation: Operation): Value {
  const { emitter } = operation
  const x = operation.input(0)
  const multiples = extentsOf(operation, 1)
  const isOpen = multiples.some((count) => count < 0)
  if (isOpen && x.shape.some((size, axis) => size !== 1 && multiples[axis] !== 1)) {
    operation.unsupported('repeats more than single elements by the size of the batch')
  }
  if (x.shape.some((size, axis) => size < 0 && multiples[axis] !== 1)) {
    operation.unsupported('repeats the images of a batch one after the other')
  }
  const shape = x.shape.map((size, axis) => size * (multiples[axis] as number))
  if (isOpen) return expand(operation, x, shape)
  if (x.kind === 'known') return tileKnown(x, multiples)
  const stored = store(emitter, x)
  const repeats = emitter.integers(arrange(multiples, stored.order))
  return emitter.node('Tile', { inputs: [stored.name, repeats] }, { ...stored, shape })
}

function tileKnown(x: Known, multiples: Extents): Known {
  const strides = stridesOf(x.shape)
  const walks = x.shape.flatMap((size, axis) => [
    { size: multiples[axis] as number, stride: 0 },
    { size, stride: strides[axis] as number },
  ])
  const shape = x.shape.map((size, axis) => size * (multiples[axis] as number))
  requireRoom(shape)
  return pick(x, shape, walkIndices(walks))
}

/** The shape that shapes broadcast to, for tf.linspace and its like. */
function broadcastShapes(operation: Operation): Known {
  const [a, b] = [0, 1].map((i) => operation.integers(i, 'shape')) as [number[], number[]]
  const shape = broadcastExtents(a, b) ?? operation.unsupported('has shapes that do not broadcast')
  return knownIntegers(shape, operation.input(0).dtype)
}

/** Zeros or ones like x; one for all images, which broadcasts. */
function constantLike(operation: Operation, element: 0 | 1): Known {
  const { dtype, shape } = operation.input(0)
  const sizes = shape.map((size) => (size < 0 ? 1 : size))
  return known(dtype, sizes, Array(elementCount(sizes)).fill(element))
}

export const broadcastingOperators: Readonly<Record<string, Operator>> = {
  BroadcastTo: broadcastTo,
  BroadcastArgs: broadcastShapes,
  Fill: fill,
  Tile: tile,
  ZerosLike: (operation) => constantLike(operation, 0),
  OnesLike: (operation) => constantLike(operation, 1),
}
