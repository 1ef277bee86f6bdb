// Operators that order elements or count along an axis: arg max, top k, one-hot, running sums.
import { widen } from '../arithmetic.ts'
import { isNarrow, writeCast, writeLowestBits } from '../cast.ts'
import type { Emitter } from '../emitter.ts'
import { known, tensorFromKnown } from '../known.ts'
import { inPlainOrder, store } from '../layout.ts'
import { int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { plainOrder, positionOf } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'

/** ArgMax and ArgMin: the first of equals, as in TensorFlow. */
function findExtreme(operation: Operation): Value {
  const { emitter, node } = operation
  const x = inPlainOrder(emitter, operation.input(0))
  const axis = operation.axis(operation.integers(1, 'axis')[0] as number, x.shape.length)
  if ((x.shape[axis] as number) < 0) operation.unsupported('searches the batch')
  const shape = x.shape.toSpliced(axis, 1)
  const found = emitter.node(
    node.op,
    { inputs: [x.name], attributes: { axis: int(axis), keepdims: int(0) } },
    { dtype: 'int64', shape, order: plainOrder(shape.length) },
  )
  return writeCast(emitter, found, operation.type('output_type', 'int64'))
}

function takeLargest(operation: Operation): Value[] {
  const { emitter } = operation
  const x = inPlainOrder(emitter, operation.input(0))
  const [count] = operation.integers(1, 'k') as [number]
  if ((x.shape.at(-1) ?? 0) < count) operation.unsupported(`takes the ${count} largest`)
  const [values] = rank(emitter, x, count)
  const indices = placesOfLargest(emitter, x, count)
  return [values, writeCast(emitter, indices, operation.type('index_type', 'int32'))]
}

/** The first `count` of the last axis by size, and where they are. */
function rank(emitter: Emitter, x: Stored, count: number, largest = true): [Stored, Stored] {
  const result = { shape: x.shape.with(-1, count), order: x.order }
  const attributes = { axis: int(-1), largest: int(Number(largest)) }
  return emitter.nodeOfMany('TopK', { inputs: [x.name, emitter.integers([count])], attributes }, [
    { dtype: x.dtype, ...result },
    { dtype: 'int64', ...result },
  ]) as [Stored, Stored]
}

/** Above it, the numbers that equals are ordered by have no room in int32. */
const mostOrdered = 46_340

/**
 * Where the largest are, the first of equals first, as in TensorFlow. OpenVINO gives equals in any order:
 * a second look orders them by the number of their run of equals, and then by their place.
 */
function placesOfLargest(emitter: Emitter, x: Stored, count: number): Stored {
  const size = x.shape.at(-1) as number
  if (size < 2 || size > mostOrdered) return rank(emitter, x, count)[1]
  const [sorted, places] = rank(emitter, x, size)
  const number = (dtype: 'int32' | 'int64', values: number[]) =>
    emitter.constant(
      tensorFromKnown(known(dtype, values.length === 1 ? [] : [values.length], values)),
    )
  const neighbours = { ...sorted, shape: sorted.shape.with(-1, size - 1) }
  const cut = (start: number) => {
    const operands = [[start], [start + size - 1], [-1]].map((values) => emitter.integers(values))
    return emitter.node('Slice', { inputs: [sorted.name, ...operands] }, neighbours).name
  }
  const equal = emitter.node(
    'Equal',
    { inputs: [cut(0), cut(1)] },
    { ...neighbours, dtype: 'bool' },
  )
  const differs = emitter.node('Not', { inputs: [equal.name] }, equal)
  const steps = writeCast(emitter, differs, 'int32')
  const ofAll = { ...steps, shape: sorted.shape }
  const front = sorted.shape.map((_, axis) => Number(axis === sorted.shape.length - 1))
  const pads = emitter.integers([...front, ...front.map(() => 0)])
  const padded = emitter.node('Pad', { inputs: [steps.name, pads] }, ofAll)
  const lastAxis = number('int64', [sorted.shape.length - 1])
  const runs = emitter.node('CumSum', { inputs: [padded.name, lastAxis] }, ofAll)
  const apply = (op: string, a: string, b: string, result: Stored) =>
    emitter.node(op, { inputs: [a, b] }, result)
  const scaled = apply('Mul', runs.name, number('int32', [size]), ofAll)
  const keys = apply('Add', scaled.name, writeCast(emitter, places, 'int32').name, ofAll)
  const [first] = rank(emitter, keys, count, false)
  return apply('Mod', first.name, number('int32', [size]), first)
}

/** Negative numbers are no class to TensorFlow, as those behind the last; ONNX counts them from the end. */
function withoutNegatives({ emitter }: Operation, indices: Stored, depth: number): Stored {
  const scalar = (value: number) => emitter.constant(tensorFromKnown(known('int64', [], [value])))
  const isNegative = emitter.node(
    'Less',
    { inputs: [indices.name, scalar(0)] },
    { ...indices, dtype: 'bool' },
  )
  const inputs = [isNegative.name, scalar(depth), indices.name]
  return emitter.node('Where', { inputs }, indices)
}

function oneHot(operation: Operation): Value {
  const { emitter } = operation
  const given = writeCast(emitter, inPlainOrder(emitter, operation.input(0)), 'int64')
  const [depth] = operation.integers(1, 'depth') as [number]
  const [on, off] = [operation.constant(2, 'on value'), operation.constant(3, 'off value')]
  const rank = given.shape.length + 1
  const axis = operation.axis(operation.int('axis', -1), rank)
  const shape = given.shape.toSpliced(axis, 0, depth)
  const indices = withoutNegatives(operation, given, depth)
  // ONNX Runtime has it for few types: floats hold whatever stands for a class.
  const values = known('float32', [2], [off.elements[0] as number, on.elements[0] as number])
  const inputs = [
    indices.name,
    emitter.integers([depth]),
    emitter.constant(tensorFromKnown(values)),
  ]
  const chosen = emitter.node(
    'OneHot',
    { inputs, attributes: { axis: int(axis) } },
    { dtype: 'float32', shape, order: plainOrder(rank) },
  )
  return writeCast(emitter, chosen, on.dtype)
}

function sumUpTo(operation: Operation): Value {
  const { emitter } = operation
  const given = operation.input(0)
  const x = store(emitter, isNarrow(given.dtype) ? widen(emitter, given) : given)
  const axis = operation.axis(operation.integers(1, 'axis')[0] as number, x.shape.length)
  if ((x.shape[axis] as number) < 0) operation.unsupported('sums over the batch')
  const position = tensorFromKnown(known('int64', [], [positionOf(x.order, axis)]))
  const attributes = {
    exclusive: int(Number(operation.bool('exclusive', false))),
    reverse: int(Number(operation.bool('reverse', false))),
  }
  const inputs = [x.name, emitter.constant(position)]
  const sums = emitter.node('CumSum', { inputs, attributes }, x)
  return isNarrow(given.dtype) ? writeLowestBits(emitter, sums, given.dtype) : sums
}

export const rankingOperators: Readonly<Record<string, Operator>> = {
  ArgMax: findExtreme,
  ArgMin: findExtreme,
  TopKV2: takeLargest,
  OneHot: oneHot,
  Cumsum: sumUpTo,
}
