// Snappy's block format, decoding only
// (https://github.com/google/snappy/blob/main/format_description.txt). Not a library's: snappyjs 0.7
// loops for minutes on a literal whose four-byte length is negative, and a model may be hostile.
import { BinaryReader } from '@bufbuild/protobuf/wire'

/** A copy of 64 bytes takes 2 bytes at least: no valid data expands further. */
const maxExpansion = 32

/** @throws RangeError for anything that is not exactly one valid stream of at most `maxBytes` */
export function uncompressSnappy(input: Uint8Array, maxBytes: number): Uint8Array {
  const reader = new BinaryReader(input)
  const sizeBytes = reader.uint32()
  if (sizeBytes > maxBytes || sizeBytes > input.length * maxExpansion) {
    throw new RangeError(`${input.length} bytes of snappy claim to hold ${sizeBytes}`)
  }
  const output = new Uint8Array(sizeBytes)
  let at = reader.pos
  let end = 0 // of what is written
  while (at < input.length) {
    const element = readElement(input, at)
    const { length, offset } = element
    at = element.next
    if (length > sizeBytes - end || (offset === 0 && length > input.length - at)) {
      throw new RangeError(`a snappy element of ${length} bytes runs past the end`)
    }
    if (offset === 0) {
      output.set(input.subarray(at, at + length), end)
      at += length
    } else {
      copyBack(output, end, { offset, length })
    }
    end += length
  }
  if (end !== sizeBytes) {
    throw new RangeError(`snappy data holds ${end} bytes of the ${sizeBytes} it claims`)
  }
  return output
}

/** A literal of `length` bytes at `next` (offset 0), or a copy of what stands `offset` bytes back. */
interface Element {
  readonly length: number
  readonly offset: number
  readonly next: number
}

function readElement(input: Uint8Array, at: number): Element {
  const tag = input[at] ?? 0
  const upper = tag >>> 2
  switch (tag & 3) {
    case 0: {
      const lengthBytes = Math.max(0, upper - 59) // 60 to 63: the length stands in 1 to 4 bytes
      const length = lengthBytes === 0 ? upper : littleEndian(input, at + 1, lengthBytes)
      return { length: length + 1, offset: 0, next: at + 1 + lengthBytes }
    }
    case 1: {
      const offset = ((tag >>> 5) << 8) | littleEndian(input, at + 1, 1)
      return { length: (upper & 7) + 4, offset: backwards(offset), next: at + 2 }
    }
    default: {
      const offsetBytes = (tag & 3) === 2 ? 2 : 4
      const offset = littleEndian(input, at + 1, offsetBytes)
      return { length: upper + 1, offset: backwards(offset), next: at + 1 + offsetBytes }
    }
  }
}

function backwards(offset: number): number {
  if (offset === 0) {
    throw new RangeError('a snappy copy of what is being written')
  }
  return offset
}

function littleEndian(input: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = bytes - 1; i >= 0; i -= 1) {
    const byte = input[at + i]
    if (byte === undefined) {
      throw new RangeError('snappy data ends inside an element')
    }
    value = value * 256 + byte // not <<: four bytes would become negative
  }
  return value
}

/** Source and target may overlap: then the bytes between them repeat. */
function copyBack(
  output: Uint8Array,
  end: number,
  { offset, length }: Pick<Element, 'offset' | 'length'>,
): void {
  if (offset > end) {
    throw new RangeError(`a snappy copy reaches ${offset} bytes back, ${end} are written`)
  }
  for (let i = end; i < end + length; i += 1) {
    output[i] = output[i - offset] as number
  }
}
