// Operators that join values and split them along axes.
import { elementCount } from '../../graph/tensor.ts'
import { sameExtents } from '../extent.ts'
import { type Known, known } from '../known.ts'
import { inOrder, reshape, store } from '../layout.ts'
import { int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { type AxisOrder, positionOf, sameOrder } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'
import { expand } from './broadcasting.ts'
import { cutKnown, wholeAxis } from './slicing.ts'

function split(operation: Operation, x: Value, axis: number, sizes: readonly number[]): Value[] {
  const { emitter } = operation
  const shapes = sizes.map((size) => x.shape.with(axis, size))
  if (x.kind === 'known') {
    let start = 0
    return sizes.map((size) => {
      const cuts = x.shape.map(wholeAxis).with(axis, { start, size, step: 1 })
      start += size
      return cutKnown(x, cuts)
    })
  }
  if ((x.shape[axis] as number) < 0) operation.unsupported('cuts the batch')
  const stored = store(emitter, x)
  const attributes = { axis: int(positionOf(stored.order, axis)) }
  const inputs = [stored.name, emitter.integers(sizes)]
  return emitter.nodeOfMany(
    'Split',
    { inputs, attributes },
    shapes.map((shape) => ({ ...stored, shape })),
  )
}

export function concatenate(operation: Operation, inputs: readonly Value[], axis: number): Value {
  const { emitter } = operation
  const [first] = inputs as [Value]
  if (inputs.length === 1) return first
  const sizes = inputs.map(({ shape }) => shape[axis] as number)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // Even of images with each other: whose a row then is depends on how many there are.
  if (sizes.some((size) => size < 0)) {
    operation.unsupported('joins something to the images of a batch')
  }
  if (inputs.every((input) => input.kind === 'known')) return joinKnown(inputs, axis)
  const stored = inputs.map((input) =>
    input.kind === 'known'
      ? forAllImages(operation, input, { inputs, axis })
      : store(emitter, input),
  )
  const order = commonOrder(stored)
  const names = stored.map((value) => inOrder(emitter, value, order).name)
  const shape = first.shape.with(axis, total)
  const attributes = { axis: int(positionOf(order, axis)) }
  return emitter.node('Concat', { inputs: names, attributes }, { dtype: first.dtype, shape, order })
}

/** Zeros like a batch stand for all its images (broadcasting.ts), which a concatenation wants one by one. */
function forAllImages(
  operation: Operation,
  value: Known,
  { inputs, axis }: { inputs: readonly Value[]; axis: number },
): Known | Stored {
  const computed = inputs.find(({ kind }) => kind !== 'known')?.shape ?? value.shape
  const shape = computed.with(axis, value.shape[axis] as number)
  return sameExtents(shape, value.shape) ? value : (expand(operation, value, shape) as Stored)
}

/** The order of most operands that are computed. */
function commonOrder(values: readonly (Known | Stored)[]): AxisOrder {
  const orders = values.flatMap((value) => (value.kind === 'stored' ? [value.order] : []))
  const votes = (order: AxisOrder) => orders.filter((other) => sameOrder(order, other)).length
  return orders.reduce((best, order) => (votes(order) > votes(best) ? order : best))
}

function joinKnown(inputs: readonly Known[], axis: number): Known {
  const [first] = inputs as [Known]
  const outer = elementCount(first.shape.slice(0, axis))
  const total = inputs.reduce((sum, { shape }) => sum + (shape[axis] as number), 0)
  const shape = first.shape.with(axis, total)
  const elements: number[] = []
  const flags: number[] = []
  for (let row = 0; row < outer; row++) {
    for (const input of inputs) {
      const length = input.elements.length / outer
      for (let i = row * length; i < (row + 1) * length; i++) {
        elements.push(input.elements[i] as number)
        flags.push(input.perBatch?.[i] ?? 0)
      }
    }
  }
  const joined = known(first.dtype, shape, elements)
  return flags.includes(1) ? { ...joined, perBatch: Uint8Array.from(flags) } : joined
}

function concat(operation: Operation): Value {
  // TensorFlow 0.x had the axis in front.
  const axisAt = operation.node.op === 'Concat' ? 0 : operation.inputs.length - 1
  const inputs = operation.inputs.toSpliced(axisAt, 1)
  const [axis] = operation.integers(axisAt, 'axis') as [number]
  return concatenate(operation, inputs, operation.axis(axis, operation.input(0).shape.length))
}

function pack(operation: Operation): Value {
  const { shape } = operation.input(0)
  const axis = operation.axis(operation.int('axis', 0), shape.length + 1)
  const widened = operation.inputs.map((input) =>
    reshape(operation.emitter, input, input.shape.toSpliced(axis, 0, 1)),
  )
  return concatenate(operation, widened, axis)
}

function unpack(operation: Operation): Value[] {
  const x = operation.input(0)
  const axis = operation.axis(operation.int('axis', 0), x.shape.length)
  const count = x.shape[axis] as number
  if (count < 0) operation.unsupported('cuts the batch')
  const pieces = split(operation, x, axis, Array(count).fill(1))
  const shape = x.shape.toSpliced(axis, 1)
  return pieces.map((piece) => reshape(operation.emitter, piece, shape))
}

function splitEvenly(operation: Operation): Value[] {
  const x = operation.input(1)
  const axis = operation.axis(operation.integers(0, 'axis')[0] as number, x.shape.length)
  const count = operation.int('num_split', 1)
  return split(operation, x, axis, Array(count).fill((x.shape[axis] as number) / count))
}

function splitUnevenly(operation: Operation): Value[] {
  const x = operation.input(0)
  const sizes = operation.integers(1, 'sizes')
  const axis = operation.axis(operation.integers(2, 'axis')[0] as number, x.shape.length)
  const given = sizes.filter((size) => size >= 0).reduce((sum, size) => sum + size, 0)
  const rest = (x.shape[axis] as number) - given
  return split(
    operation,
    x,
    axis,
    sizes.map((size) => (size < 0 ? rest : size)),
  )
}

export const joiningOperators: Readonly<Record<string, Operator>> = {
  Concat: concat,
  ConcatV2: concat,
  Pack: pack,
  Unpack: unpack,
  Split: splitEvenly,
  SplitV: splitUnevenly,
}
