// Constants inside a graph: TensorProto -> tensor. Its elements stand either as raw bytes or in a
// list for their type, where a list that is too short repeats its last value
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor.proto).
import { ModelError } from '../errors.ts'
import { type DataType, elementSizeBytes } from '../graph/data-type.ts'
import { elementCount, type Tensor } from '../graph/tensor.ts'
import { dataTypeFromNumber, dataTypeName } from './data-types.ts'
import type { TensorProto } from './generated/saved_model_pb.ts'
import { maxRepeatedBytes } from './limits.ts'
import { staticShapeFromProto } from './shape-proto.ts'

/** How many bytes repeated values of one model may still take. */
export interface RepeatBudget {
  remainingBytes: number
}

export function createRepeatBudget(): RepeatBudget {
  return { remainingBytes: maxRepeatedBytes }
}

/**
 * The constant that `proto` holds; a view into the file where it can be.
 * @param where names file and node, for messages
 * @throws ModelError `unsupported` for types without elements of fixed size, `corrupt` for wrong lengths
 */
export function tensorFromProto(proto: TensorProto, where: string, budget: RepeatBudget): Tensor {
  const dtype = dataTypeFromNumber(proto.dtype)
  if (dtype === undefined || dtype === 'string') {
    const found = dataTypeName(proto.dtype)
    throw new ModelError('unsupported', `${where}: constants of ${found} are not supported`)
  }
  const shape = staticShapeFromProto(proto.tensorShape, where)
  const sizeBytes = elementCount(shape) * elementSizeBytes[dtype]
  const content = proto.tensorContent
  if (content.length === 0) {
    return { dtype, shape, bytes: bytesOfValues(proto, dtype, { sizeBytes, where, budget }) }
  }
  if (content.length !== sizeBytes) {
    throw new ModelError(
      'corrupt',
      `${where}: ${dtype} of shape [${shape}] takes ${sizeBytes} bytes, found ${content.length}`,
    )
  }
  return { dtype, shape, bytes: content }
}

interface Wanted {
  readonly sizeBytes: number
  readonly where: string
  readonly budget: RepeatBudget
}

function bytesOfValues(proto: TensorProto, dtype: DataType, wanted: Wanted): Uint8Array {
  const { values, write } = listOf(proto, dtype)
  const elementBytes = elementSizeBytes[dtype]
  const given = Math.min(values.length * elementBytes, wanted.sizeBytes)
  wanted.budget.remainingBytes -= wanted.sizeBytes - given
  if (wanted.budget.remainingBytes < 0) {
    throw new ModelError(
      'unsupported',
      `${wanted.where}: repeated values of constants take more than the allowed ${maxRepeatedBytes} bytes`,
    )
  }
  const bytes = new Uint8Array(wanted.sizeBytes) // zeros, as the format wants where no value is given
  const view = new DataView(bytes.buffer)
  for (let offset = 0; offset < given; offset += elementBytes) {
    write(view, offset, values[offset / elementBytes] as never)
  }
  if (given > 0) {
    repeatFrom(bytes, given - elementBytes, elementBytes)
  }
  return bytes
}

/** Fills the rest of `bytes` with the element at `start`, doubling the filled part each time. */
function repeatFrom(bytes: Uint8Array, start: number, elementBytes: number): void {
  for (let size = elementBytes; start + size < bytes.length; size *= 2) {
    bytes.copyWithin(start + size, start, start + size)
  }
}

interface ValueList {
  readonly values: readonly (number | bigint | boolean)[]
  readonly write: (view: DataView, offset: number, value: never) => void
}

/** The list that elements of a type stand in; small types share the one of a larger type. */
function listOf(proto: TensorProto, dtype: DataType): ValueList {
  switch (dtype) {
    case 'float32':
      return { values: proto.floatVal, write: (v, at, x: number) => v.setFloat32(at, x, true) }
    case 'float64':
      return { values: proto.doubleVal, write: (v, at, x: number) => v.setFloat64(at, x, true) }
    case 'float16':
    case 'bfloat16': // their bit patterns
      return { values: proto.halfVal, write: (v, at, x: number) => v.setUint16(at, x, true) }
    case 'int64':
      return { values: proto.int64Val, write: (v, at, x: bigint) => v.setBigInt64(at, x, true) }
    case 'uint64':
      return { values: proto.uint64Val, write: (v, at, x: bigint) => v.setBigUint64(at, x, true) }
    case 'uint32':
      return { values: proto.uint32Val, write: (v, at, x: number) => v.setUint32(at, x, true) }
    case 'bool':
      return { values: proto.boolVal, write: (v, at, x: boolean) => v.setUint8(at, x ? 1 : 0) }
    case 'int32':
      return { values: proto.intVal, write: (v, at, x: number) => v.setInt32(at, x, true) }
    case 'int16':
    case 'uint16':
      return { values: proto.intVal, write: (v, at, x: number) => v.setUint16(at, x, true) }
    default: // int8, uint8
      return { values: proto.intVal, write: (v, at, x: number) => v.setUint8(at, x) }
  }
}
