// Operators that order elements or count along an axis: arg max, top k, one-hot, running sums.
import { widen } from '../arithmetic.ts'
import { isNarrow, writeCast, writeLowestBits } from '../cast.ts'
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
  const shape = x.shape.with(-1, count)
  const order = plainOrder(shape.length)
  const [values, indices] = emitter.nodeOfMany(
    'TopK',
    { inputs: [x.name, emitter.integers([count])], attributes: { axis: int(-1) } },
    [
      { dtype: x.dtype, shape, order },
      { dtype: 'int64', shape, order },
    ],
  ) as [Stored, Stored]
  return [values, writeCast(emitter, indices, operation.type('index_type', 'int32'))]
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
