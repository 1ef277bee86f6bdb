// Parts of tensors: a checkpoint may store a large or partitioned variable in several, and a variable
// may be filled from one part of a stored tensor
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor_slice.h).
import { elementSizeBytes } from '../graph/data-type.ts'
import { elementCount, type Tensor } from '../graph/tensor.ts'

/** The part of one dimension: `length` elements from `start`. */
export interface Extent {
  readonly start: number
  readonly length: number
}

/** How TensorFlow writes "the whole dimension" into a part's key. */
const wholeLength = -1
/** Between sizes and ranges, and between ranges: `16 1001 8,8:0,1001`; `-` is a whole dimension. */
const rangePattern = /^(-|\d+,\d+)$/

/**
 * RestoreV2's `shape_and_slices`: empty, or sizes and a range a dimension.
 * @returns null for the whole tensor
 * @throws RangeError where it is neither
 */
export function parseSlice(text: string): readonly Extent[] | null {
  if (text === '') return null
  const words = text.split(' ')
  const sizes = words.slice(0, -1).map(Number)
  const ranges = (words.at(-1) ?? '').split(':')
  if (ranges.every((range) => range === '-' || range === '')) return null
  if (ranges.length !== sizes.length || !ranges.every((range) => rangePattern.test(range))) {
    throw new RangeError(`"${text}" is no slice: sizes and a range a dimension are expected`)
  }
  return ranges.map((range, axis): Extent => {
    if (range === '-') return { start: 0, length: sizes[axis] as number }
    const [start, length] = range.split(',').map(Number) as [number, number]
    return { start, length }
  })
}

/** @throws RangeError where the part is not inside the tensor */
export function cutSlice(tensor: Tensor, extents: readonly Extent[]): Tensor {
  const shape = extents.map(({ length }) => length)
  requireInside(tensor.shape, extents)
  const bytes = new Uint8Array(elementCount(shape) * elementSizeBytes[tensor.dtype])
  for (const { whole, part, length } of rowsOf(tensor, extents)) {
    bytes.set(tensor.bytes.subarray(whole, whole + length), part)
  }
  return { dtype: tensor.dtype, shape, bytes }
}

/** Writes a part's bytes to where they belong in `tensor`. @throws RangeError as cutSlice */
export function pasteSlice(tensor: Tensor, extents: readonly Extent[], bytes: Uint8Array): void {
  requireInside(tensor.shape, extents)
  const count = elementCount(extents.map(({ length }) => length))
  const expected = count * elementSizeBytes[tensor.dtype]
  if (bytes.length !== expected) {
    throw new RangeError(`a part of ${expected} bytes is stored in ${bytes.length}`)
  }
  for (const { whole, part, length } of rowsOf(tensor, extents)) {
    tensor.bytes.set(bytes.subarray(part, part + length), whole)
  }
}

function requireInside(shape: readonly number[], extents: readonly Extent[]): void {
  const fits =
    shape.length === extents.length &&
    extents.every(({ start, length }, axis) => {
      return start >= 0 && length >= 0 && start + length <= (shape[axis] as number)
    })
  if (fits) return
  const found = extents.map(({ start, length }) => `${start},${length}`).join(':')
  throw new RangeError(`the part ${found} is not inside [${shape}]`)
}

/** The runs of bytes that lie together in both, as offsets into each. */
function* rowsOf({ shape, dtype }: Tensor, extents: readonly Extent[]) {
  const size = elementSizeBytes[dtype]
  const rank = extents.length
  const last = extents[rank - 1] ?? { start: 0, length: 1 }
  const outer = extents.slice(0, -1)
  const rows = elementCount(outer.map(({ length }) => length))
  const length = last.length * size
  for (let row = 0; row < rows; row++) {
    let left = row
    let at = last.start
    let stride = shape[rank - 1] ?? 1
    for (let axis = rank - 2; axis >= 0; axis--) {
      const extent = extents[axis] as Extent
      at += (extent.start + (left % extent.length)) * stride
      left = Math.floor(left / extent.length)
      stride *= shape[axis] as number
    }
    yield { whole: at * size, part: row * length, length }
  }
}

/**
 * The key of a part in a checkpoint's index, as latin1 (EncodeTensorNameSlice in
 * tensorflow/core/util/saved_tensor_slice_util.cc; its numbers in core/lib/strings/ordered_code.cc).
 */
export function sliceKey(
  name: string,
  extents: readonly { readonly start: bigint; readonly length: bigint }[],
): string {
  const escaped = Buffer.from(name)
    .toString('latin1')
    .replace(/[\0\xff]/g, (byte) => (byte === '\0' ? '\0\xff' : '\xff\0'))
  const numbers = extents.flatMap(({ start, length }) => [
    signedNumber(start),
    signedNumber(length > 0n ? length : BigInt(wholeLength)),
  ])
  return `\0${escaped}\0\x01${unsignedNumber(extents.length)}${numbers.join('')}`
}

/** A count of bytes, then the bytes, the highest first. */
function unsignedNumber(value: number): string {
  const bytes: number[] = []
  for (let left = value; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256)
  return String.fromCharCode(bytes.length, ...bytes)
}

/** Bits of value that fit beside the header in the first of `length` bytes and those after it. */
const bitsPerByte = 7
/** Longer numbers have a header of two bytes; no size of a tensor that fits in memory needs one. */
const maxHeaderBytes = 7

/** As many leading ones as bytes (inverted for negative numbers), then the number. */
function signedNumber(value: bigint): string {
  const magnitude = value < 0n ? ~value : value
  const bits = magnitude === 0n ? 0 : magnitude.toString(2).length
  const length = Math.floor(bits / bitsPerByte) + 1
  if (length > maxHeaderBytes) throw new RangeError(`a part is stated at ${value}`)
  const bytes = Buffer.alloc(length)
  const unsigned = BigInt.asUintN(length * 8, value)
  for (let i = 0; i < length; i++) {
    bytes[i] = Number((unsigned >> BigInt(8 * (length - 1 - i))) & 0xffn)
  }
  const header = (0xff << (8 - length)) & 0xff
  bytes[0] = (bytes[0] as number) ^ header
  return bytes.toString('latin1')
}
