// How values lie in memory, and the one place where transposes and reshapes are written.
import type { Tensor } from '../graph/tensor.ts'
import type { Emitter } from './emitter.ts'
import { type Extents, sameExtents } from './extent.ts'
import { type Known, pick, reshapeKnown, tensorFromKnown } from './known.ts'
import { ints } from './model.ts'
import { OperandError } from './operand-error.ts'
import {
  type AxisOrder,
  arrange,
  isPlain,
  plainOrder,
  sameBytes,
  sameOrder,
  transposition,
} from './permutation.ts'
import { mixesImages, reshapeOrder } from './reshape-order.ts'
import type { Reshaped, Stored, Value } from './value.ts'
import { stridesOf, walkIndices } from './walk.ts'

/** The value in exactly this order; a transpose only where the bytes must move. */
export function inOrder(emitter: Emitter, value: Value, order: AxisOrder): Stored {
  if (value.shape.length !== order.length) {
    throw new OperandError(`reads a value of rank ${value.shape.length}, expected ${order.length}`)
  }
  if (value.kind === 'known') return storeConstant(emitter, value, order)
  if (value.kind === 'reshaped') return inOrder(emitter, materialize(emitter, value), order)
  if (sameOrder(value.order, order)) return value
  const result = { ...value, order }
  if (sameBytes(value.shape, value.order, order)) return writeReshape(emitter, value, result)
  const perm = transposition(value.order, order)
  return emitter.node(
    'Transpose',
    { inputs: [value.name], attributes: { perm: ints(perm) } },
    result,
  )
}

/** The value in TensorFlow's own order. */
export function inPlainOrder(emitter: Emitter, value: Value): Stored {
  return inOrder(emitter, value, plainOrder(value.shape.length))
}

/** The value as it lies; a constant lies plainly, a held-back reshape is carried out. */
export function store(emitter: Emitter, value: Value): Stored {
  if (value.kind === 'stored') return value
  return value.kind === 'known' ? inPlainOrder(emitter, value) : materialize(emitter, value)
}

/**
 * A logical reshape: free in the value's order where that is possible, otherwise held back.
 * @throws OperandError where it would mix images of a batch
 */
export function reshape(emitter: Emitter, value: Value, shape: Extents): Value {
  if (value.kind === 'known') return reshapeKnown(value, shape)
  const source = value.kind === 'reshaped' ? value.source : value
  if (sameExtents(source.shape, shape)) return source
  if (mixesImages(source.shape, shape)) {
    throw new OperandError('computes across the images of a batch')
  }
  const order = reshapeOrder(source, shape)
  if (order === null) return { kind: 'reshaped', source, dtype: source.dtype, shape }
  return writeReshape(emitter, source, { ...source, shape, order })
}

/** Carries a held-back reshape out: transpose to TensorFlow's order, then reshape. */
function materialize(emitter: Emitter, value: Reshaped): Stored {
  const source = inPlainOrder(emitter, value.source)
  return writeReshape(emitter, source, { ...source, ...plain(value.shape) })
}

function plain(shape: Extents): { shape: Extents; order: AxisOrder } {
  return { shape, order: plainOrder(shape.length) }
}

function writeReshape(emitter: Emitter, value: Stored, result: Stored): Stored {
  const sizes = arrange(result.shape, result.order)
  if (sameExtents(arrange(value.shape, value.order), sizes)) return { ...result, name: value.name }
  // At most one size depends on the batch, and ONNX infers that one.
  const target = emitter.integers(sizes.map((size) => (size < 0 ? -1 : size)))
  return emitter.node('Reshape', { inputs: [value.name, target] }, result)
}

/** A constant operand of a value in `order`: same rank or less, leading ones dropped. */
export function operandTensor(constant: Known, order: AxisOrder): Tensor {
  const rank = order.length
  const shape = [...Array<number>(rank - constant.shape.length).fill(1), ...constant.shape]
  const arranged = arrangeKnown(reshapeKnown(constant, shape), order)
  const firstReal = arranged.shape.findIndex((size) => size !== 1)
  const trimmed = firstReal === -1 ? [] : arranged.shape.slice(firstReal)
  return tensorFromKnown(reshapeKnown(arranged, trimmed))
}

/** A constant with its axes moved into `order` for good. */
export function arrangeKnown(constant: Known, order: AxisOrder): Known {
  const shape = arrange(constant.shape, order)
  if (isPlain(order) || sameBytes(constant.shape, order, plainOrder(order.length))) {
    return reshapeKnown(constant, shape)
  }
  return pick(constant, shape, transposedIndices(constant.shape, order))
}

function storeConstant(emitter: Emitter, constant: Known, order: AxisOrder): Stored {
  const name = emitter.constant(tensorFromKnown(arrangeKnown(constant, order)))
  return { kind: 'stored', name, dtype: constant.dtype, shape: constant.shape, order }
}

/** For each element of the arranged constant, where it lies in the plain one. */
function transposedIndices(shape: readonly number[], order: AxisOrder): Int32Array {
  const strides = stridesOf(shape)
  return walkIndices(
    order.map((axis) => ({ size: shape[axis] as number, stride: strides[axis] as number })),
  )
}
