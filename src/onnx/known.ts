// Values known at conversion: constants, and the integers of shape arithmetic with the batch in them.
import { type DataType, elementSizeBytes } from '../graph/data-type.ts'
import { halfToNumber } from '../graph/half.ts'
import { elementCount, type Tensor } from '../graph/tensor.ts'
import { OperandError } from './operand-error.ts'

/** Elements in TensorFlow's order: floats as float32, integers and booleans as (exact) float64. */
export type Elements = Float32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike>

export interface Known {
  readonly kind: 'known'
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly elements: Elements
  /** 1 where the element is to be multiplied by the batch; absent where none is. */
  readonly perBatch?: Uint8Array
}

/** Half and double are computed as float32: more precise than the one, close to the other. */
export function computedType(dtype: DataType): DataType {
  const isFloat = dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64'
  return isFloat ? 'float32' : dtype
}

export function known(
  dtype: DataType,
  shape: readonly number[],
  elements: ArrayLike<number>,
): Known {
  const Storage = dtype === 'float32' ? Float32Array : Float64Array
  const stored = elements instanceof Storage ? elements : Storage.from(elements)
  return { kind: 'known', dtype, shape, elements: stored }
}

/** More than the largest layer of weights anybody classifies with has (VGG's, 103 million). */
const maxComputedElements = 2 ** 27

/**
 * Before a constant is made larger than those it is made of: a small graph can ask for any size.
 * @throws OperandError
 */
export function requireRoom(shape: readonly number[]): void {
  if (elementCount(shape) <= maxComputedElements) return
  throw new OperandError(
    `computes a constant of the shape [${shape}], more than the ${maxComputedElements} elements allowed`,
  )
}

/** A scalar or a vector of integers. */
export function knownIntegers(values: readonly number[], dtype: DataType = 'int32'): Known {
  return known(dtype, [values.length], values)
}

/** @returns null for element types that no classifier computes with (strings) */
export function knownFromTensor(tensor: Tensor): Known | null {
  const reader = readers[tensor.dtype]
  if (reader === undefined) return null
  return known(computedType(tensor.dtype), tensor.shape, reader(tensor))
}

/** The constant as ONNX stores it. @throws OperandError where it is none, but depends on the batch */
export function tensorFromKnown(value: Known): Tensor {
  const { dtype, shape, elements, perBatch } = value
  if (perBatch !== undefined) throw new OperandError('computes with the size of the batch')
  const write = writers[dtype]
  if (write === undefined) throw new TypeError(`no ${dtype} constants. This is a bug.`)
  const array = write(elements)
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  return { dtype, shape, bytes }
}

/** Elements of `value` at `indices`, in the shape `shape`. */
export function pick(value: Known, shape: readonly number[], indices: Int32Array): Known {
  const { elements, perBatch } = value
  const Storage = elements instanceof Float32Array ? Float32Array : Float64Array
  const picked = new Storage(indices.length)
  for (let i = 0; i < indices.length; i++) picked[i] = elements[indices[i] as number] as number
  const result: Known = { ...value, shape, elements: picked }
  if (perBatch === undefined) return result
  const flags = Uint8Array.from(indices, (index) => perBatch[index] as number)
  if (flags.includes(1)) return { ...result, perBatch: flags }
  const { perBatch: _none, ...plain } = result
  return plain
}

/** The same elements under another shape. */
export function reshapeKnown(value: Known, shape: readonly number[]): Known {
  if (elementCount(shape) !== value.elements.length) {
    throw new RangeError(`[${value.shape}] does not reshape to [${shape}]. This is a bug.`)
  }
  return { ...value, shape }
}

type TypedArray = Float32Array | Float64Array | Uint8Array | Int8Array | Uint16Array | Int16Array
type WideArray = Int32Array | Uint32Array | BigInt64Array | BigUint64Array

function view<A extends TypedArray | WideArray>(
  tensor: Tensor,
  Type: new (buffer: ArrayBufferLike, offset: number, length: number) => A,
): A {
  const size = elementSizeBytes[tensor.dtype]
  const unaligned = tensor.bytes.byteOffset % size !== 0
  const { buffer, byteOffset, byteLength } = unaligned ? new Uint8Array(tensor.bytes) : tensor.bytes
  return new Type(buffer, byteOffset, byteLength / size)
}

const readers: Partial<Record<DataType, (tensor: Tensor) => ArrayLike<number>>> = {
  float32: (tensor) => view(tensor, Float32Array),
  float64: (tensor) => view(tensor, Float64Array),
  float16: (tensor) => Float32Array.from(view(tensor, Uint16Array), halfToNumber),
  bfloat16: (tensor) => bfloatsToFloats(view(tensor, Uint16Array)),
  uint8: (tensor) => tensor.bytes,
  bool: (tensor) => tensor.bytes,
  int8: (tensor) => view(tensor, Int8Array),
  uint16: (tensor) => view(tensor, Uint16Array),
  int16: (tensor) => view(tensor, Int16Array),
  int32: (tensor) => view(tensor, Int32Array),
  uint32: (tensor) => view(tensor, Uint32Array),
  int64: (tensor) => Float64Array.from(view(tensor, BigInt64Array), Number),
  uint64: (tensor) => Float64Array.from(view(tensor, BigUint64Array), Number),
}

const writers: Partial<Record<DataType, (elements: Elements) => TypedArray | WideArray>> = {
  float32: (elements) => (elements instanceof Float32Array ? elements : new Float32Array(elements)),
  uint8: (elements) => new Uint8Array(elements),
  bool: (elements) => new Uint8Array(elements),
  int8: (elements) => new Int8Array(elements),
  uint16: (elements) => new Uint16Array(elements),
  int16: (elements) => new Int16Array(elements),
  int32: (elements) => new Int32Array(elements),
  int64: (elements) => BigInt64Array.from(elements, toInt64),
  uint32: (elements) => new Uint32Array(elements),
  uint64: (elements) => BigUint64Array.from(elements, (value) => BigInt.asUintN(64, BigInt(value))),
}

/** float64 holds 2^63 - 1 as 2^63, which would wrap around to the smallest int64. */
function toInt64(value: number): bigint {
  if (value >= 2 ** 63) return 2n ** 63n - 1n
  return BigInt(Math.max(value, -(2 ** 63)))
}

/** A bfloat16 is the upper half of a float32. */
function bfloatsToFloats(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer)
}
