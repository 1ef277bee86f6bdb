// Protobuf bytes in pieces, so that a message around 100 MB of weights can be put together without
// copying them: a field is a small header followed by the pieces of its value.
// Wire format: https://protobuf.dev/programming-guides/encoding/
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

export interface Encoded {
  readonly pieces: readonly Uint8Array[]
  readonly sizeBytes: number
}

export function encoded(bytes: Uint8Array): Encoded {
  return { pieces: [bytes], sizeBytes: bytes.length }
}

/** Fields of one message after another, which is how protobuf merges parts of a message. */
export function joined(parts: readonly Encoded[]): Encoded {
  return {
    pieces: parts.flatMap((part) => part.pieces),
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
  }
}

/** `value` as the length-delimited field `number`: bytes, text or a message. */
export function field(number: number, value: Encoded): Encoded {
  const header = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(value.sizeBytes)
  return joined([encoded(header.finish()), value])
}
