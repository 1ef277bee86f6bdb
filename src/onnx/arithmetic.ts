// Elementwise arithmetic: computed at once on constants, written as ONNX nodes otherwise.
import type { DataType } from '../graph/data-type.ts'
import { isNarrow, writeCast, writeLowestBits } from './cast.ts'
import type { Emitter } from './emitter.ts'
import { broadcastExtents, type Extents, extentProduct, sameExtents } from './extent.ts'
import { computeWhole, integerBits, type WholeBinary, wrap } from './integers.ts'
import { type Elements, type Known, known, pick, requireRoom } from './known.ts'
import { inOrder, operandTensor, store } from './layout.ts'
import type { OnnxAttributes } from './model.ts'
import { OperandError } from './operand-error.ts'
import { type AxisOrder, isPlain } from './permutation.ts'
import type { Reshaped, Stored, Value } from './value.ts'
import { broadcastIndices } from './walk.ts'

/** How a unary function is computed on constants and what writes it. */
export interface Unary {
  compute(x: number): number
  /** Writes it for a value in any order: one or more nodes. */
  write(emitter: Emitter, x: Stored): Stored
}

/** How a binary function is computed on constants and the ONNX operator that is the same. */
export interface Binary extends WholeBinary {
  readonly op: string
  readonly attributes?: OnnxAttributes
  /** The element type of the result, where it is not that of the operands. */
  readonly dtype?: DataType
}

/** Applies a function to each element. */
export function applyUnary(emitter: Emitter, { compute, write }: Unary, x: Value): Value {
  if (x.kind === 'stored') return write(emitter, x)
  if (x.kind === 'reshaped') return beneath(x, write(emitter, x.source))
  if (x.perBatch !== undefined) throw new OperandError('is applied to a size of the batch')
  const { dtype } = x
  return known(
    dtype,
    x.shape,
    mapElements(x.elements, (element) => wrap(compute(element), dtype)),
  )
}

/** The simplest way to write a unary: one ONNX operator. */
export function writeOperator(op: string, attributes: OnnxAttributes = {}): Unary['write'] {
  return (emitter, x) => emitter.node(op, { inputs: [x.name], attributes }, x)
}

/** Combines two values with TensorFlow's broadcasting. */
export function applyBinary(emitter: Emitter, binary: Binary, a: Value, b: Value): Value {
  if (a.kind === 'known' && b.kind === 'known') return computeBinary(binary, a, b)
  if (isNarrow(a.dtype) && growing.has(binary.op)) return applyWidely(emitter, binary, [a, b])
  const throughReshape = applyBeforeReshape(emitter, binary, a, b)
  if (throughReshape !== null) return throughReshape
  const { names, shape, order } = alignOperands(emitter, [a, b])
  const dtype = binary.dtype ?? (a.kind === 'known' ? b.dtype : a.dtype)
  const { attributes = {} } = binary
  return emitter.node(binary.op, { inputs: names, attributes }, { dtype, shape, order })
}

/** What may give more than a narrow type of integers holds, or is rounded in one: OpenVINO divides as floats. */
const growing = new Set(['Add', 'Sub', 'Mul', 'Div', 'Pow'])

function applyWidely(emitter: Emitter, binary: Binary, [a, b]: readonly [Value, Value]): Stored {
  const result = applyBinary(emitter, binary, widen(emitter, a), widen(emitter, b))
  return writeLowestBits(emitter, store(emitter, result), a.dtype)
}

/** Narrow integers as int32. */
export function widen(emitter: Emitter, x: Value): Value {
  if (x.kind === 'known') return { ...x, dtype: 'int32' }
  return writeCast(emitter, store(emitter, x), 'int32')
}

/** The elements of `a` where the condition holds, else those of `b`; all three broadcast. */
export function writeSelection(
  emitter: Emitter,
  [condition, a, b]: readonly [Value, Value, Value],
): Stored {
  const { names, shape, order } = alignOperands(emitter, [condition, a, b])
  return emitter.node('Where', { inputs: names }, { dtype: a.dtype, shape, order })
}

/** A reshape that is held back stays so if the other operand fits what lies under it. */
function applyBeforeReshape(emitter: Emitter, binary: Binary, a: Value, b: Value): Reshaped | null {
  const reshaped = a.kind === 'reshaped' ? a : b
  if (reshaped.kind !== 'reshaped') return null
  const other = reshaped === a ? b : a
  const source = sourceFitting(other, reshaped)
  if (source === null) return null
  const operands: [Value, Value] =
    reshaped === a ? [reshaped.source, source] : [source, reshaped.source]
  const result = applyBinary(emitter, binary, ...operands)
  if (result.kind !== 'stored') return null
  return beneath(reshaped, result)
}

/** `other` as an operand of what lies under the reshape, or null where it does not fit that. */
function sourceFitting(other: Value, { shape, source }: Reshaped): Value | null {
  if (other.kind === 'reshaped') {
    const same = sameExtents(other.shape, shape) && sameExtents(other.source.shape, source.shape)
    return same ? other.source : null
  }
  if (other.kind !== 'known' || other.shape.length > shape.length) return null
  if (other.elements.length === 1) return { ...other, shape: [] }
  const last = shape.at(-1)
  const isVector = other.elements.length === other.shape.at(-1) && other.shape.at(-1) === last
  return isVector && source.shape.at(-1) === last
    ? { ...other, shape: [other.elements.length] }
    : null
}

interface Aligned {
  readonly names: readonly string[]
  readonly shape: Extents
  readonly order: AxisOrder
}

/** All operands in one order; the largest one that is computed keeps its own. */
function alignOperands(emitter: Emitter, operands: readonly Value[]): Aligned {
  const shape = operands
    .map((operand) => operand.shape)
    .reduce((joined, next) => {
      const both = broadcastExtents(joined, next)
      if (both !== null) return both
      throw new OperandError('has operands that do not broadcast')
    })
  const ranked = operands.map((operand) =>
    operand.kind === 'known' ? operand : ofRank(emitter, store(emitter, operand), shape.length),
  )
  const order = ranked.filter((operand) => operand.kind === 'stored').reduce(preferred).order
  const names = ranked.map((operand) =>
    operand.kind === 'known'
      ? emitter.constant(operandTensor(operand, order))
      : inOrder(emitter, operand, order).name,
  )
  return { names, shape, order }
}

/** Of two operands of one size the one laid out for convolutions keeps its order. */
function preferred(a: Stored, b: Stored): Stored {
  const [sizeA, sizeB] = [a, b].map(({ shape }) => Math.abs(extentProduct(shape)))
  if (sizeA !== sizeB) return (sizeA as number) > (sizeB as number) ? a : b
  return isPlain(a.order) ? b : a
}

/** Axes of size 1 in front, as broadcasting adds them. */
function ofRank(emitter: Emitter, value: Stored, rank: number): Stored {
  const added = rank - value.shape.length
  if (added <= 0) return value
  const shape = [...Array<number>(added).fill(1), ...value.shape]
  const front = shape.slice(0, added).map((_, axis) => axis)
  const wide = { ...value, shape, order: [...front, ...value.order.map((axis) => axis + added)] }
  const sizes = wide.order.map((axis) => shape[axis] as number)
  const target = emitter.integers(sizes.map((size) => (size < 0 ? -1 : size)))
  return emitter.node('Reshape', { inputs: [value.name, target] }, wide)
}

function computeBinary(binary: Binary, a: Known, b: Known): Known {
  const shape = broadcastExtents(a.shape, b.shape)
  if (shape === null) throw new OperandError('has constant operands that do not broadcast')
  const [left, right] = [broadcastKnown(a, shape), broadcastKnown(b, shape)]
  const Storage = left.elements instanceof Float32Array ? Float32Array : Float64Array
  const elements = new Storage(left.elements.length)
  const isWhole = a.dtype in integerBits
  for (let i = 0; i < elements.length; i++) {
    const [x, y] = [left.elements[i] as number, right.elements[i] as number]
    elements[i] = isWhole ? computeWhole(binary, [x, y], a.dtype) : binary.compute(x, y)
  }
  const result = known(binary.dtype ?? a.dtype, shape, elements)
  return left.perBatch || right.perBatch ? withBatch(binary, result, [left, right]) : result
}

/** Sizes of the batch can be multiplied by plain numbers, divided where nothing is left over, and nothing else. */
function withBatch(binary: Binary, result: Known, [a, b]: readonly [Known, Known]): Known {
  const perBatch = new Uint8Array(result.elements.length)
  const divisor = (i: number) => (binary.op === 'Div' ? (b.elements[i] as number) : 1)
  for (let i = 0; i < perBatch.length; i++) {
    const [left, right] = [a.perBatch?.[i] ?? 0, b.perBatch?.[i] ?? 0]
    const fits =
      binary.op === 'Mul' ? left + right < 2 : right === 0 && (left === 0 || binary.op === 'Div')
    // Half a batch is no multiple of it: rounding would depend on how many images there are.
    const isWhole = left + right === 0 || Number.isInteger((a.elements[i] as number) / divisor(i))
    if (!fits || !isWhole) throw new OperandError('computes with the size of the batch')
    perBatch[i] = left + right
  }
  return { ...result, perBatch }
}

export function broadcastKnown(value: Known, shape: Extents): Known {
  if (sameExtents(value.shape, shape)) return value
  requireRoom(shape)
  return pick(value, shape, broadcastIndices(value.shape, shape))
}

function mapElements(elements: Elements, compute: (x: number) => number): Elements {
  const result = elements.slice()
  for (let i = 0; i < result.length; i++) result[i] = compute(result[i] as number)
  return result
}

function beneath(reshaped: Reshaped, source: Stored): Reshaped {
  return { ...reshaped, source, dtype: source.dtype }
}
