// A constant: element type, shape, and its bytes as every format stores them.
import { type DataType, elementSizeBytes } from './data-type.ts'

/** Little-endian, row-major elements; `bytes` may be a view into a larger file and may be unaligned. */
export interface Tensor {
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** The number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** A float32 tensor over the bytes of `values` (no copy). */
export function float32Tensor(shape: readonly number[], values: Float32Array): Tensor {
  return tensorOf('float32', shape, values)
}

/** An int32 tensor, for the small integer operands of reshapes and reductions. */
export function int32Tensor(shape: readonly number[], values: readonly number[]): Tensor {
  return tensorOf('int32', shape, Int32Array.from(values))
}

/** The elements of a float32 tensor; copies only where the bytes are unaligned. */
export function float32Values(tensor: Tensor): Float32Array {
  if (tensor.dtype !== 'float32') {
    throw new TypeError(`expected a float32 tensor, found ${tensor.dtype}. This is a bug.`)
  }
  const { buffer, byteOffset, byteLength } = aligned(tensor.bytes, elementSizeBytes.float32)
  return new Float32Array(buffer, byteOffset, byteLength / elementSizeBytes.float32)
}

function tensorOf(
  dtype: DataType,
  shape: readonly number[],
  values: Float32Array | Int32Array,
): Tensor {
  if (values.length !== elementCount(shape)) {
    throw new RangeError(
      `${dtype} tensor of shape [${shape}] needs ${elementCount(shape)} values, found ${values.length}. This is a bug.`,
    )
  }
  return {
    dtype,
    shape,
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  }
}

function aligned(bytes: Uint8Array, size: number): Uint8Array {
  // Not slice(): on a Buffer that makes another view of the same unaligned memory.
  return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes)
}
