// How messages travel between the service and a session process: a header of fixed size, then the
// payload. A stream cuts them anywhere, so a reader puts them together again.
//
//   header field   bytes   meaning
//   mark           2       tells a frame from anything else that was written to the pipe
//   kind           2       what the payload is (FrameKind)
//   id             4       pairs an answer with its batch; 0 where nothing is paired
//   count          4       images in the batch; 0 where there is no batch
//   payload bytes  4       may be 0
import type { Writable } from 'node:stream'

export const FrameKind = {
  /** JSON, see messages.ts. */
  control: 1,
  /** To the session: uint8 [count, height, width, 3], or nothing where that is in the crop memory. */
  run: 2,
  /** From the session: a float64 of milliseconds, then float32 [count, classes]. */
  scores: 3,
  /** To the session, as `run`: one image, while nothing else runs on the device. */
  runAlone: 4,
} as const

export type FrameKindNumber = (typeof FrameKind)[keyof typeof FrameKind]

export interface FrameHeader {
  readonly kind: FrameKindNumber
  readonly id: number
  readonly count: number
  readonly payloadBytes: number
}

const markField = 0
const kindField = 2
const idField = 4
const countField = 8
const payloadBytesField = 12
export const headerBytes = 16

/** "RS" in a hexdump. */
const mark = 0x5352

/** Messages are a few KB; a model with many refused nodes may explain itself at length. */
export const maxControlBytes = 1 << 20

/** The other side sent what the protocol does not allow; the connection is of no use any more. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Sends one frame as one `writev`: no payload is copied in this process. */
export function writeFrame(
  stream: Writable,
  header: Omit<FrameHeader, 'payloadBytes'>,
  payload: readonly Uint8Array[],
): void {
  const head = Buffer.allocUnsafe(headerBytes)
  head.writeUInt16LE(mark, markField)
  head.writeUInt16LE(header.kind, kindField)
  head.writeUInt32LE(header.id, idField)
  head.writeUInt32LE(header.count, countField)
  head.writeUInt32LE(byteLengthOf(payload), payloadBytesField)
  stream.cork()
  stream.write(head)
  for (const part of payload) stream.write(part)
  stream.uncork()
}

export interface FrameReaderOptions {
  /**
   * Where the payload goes: at least `payloadBytes` long. Called before anything is kept, so it is
   * also the place to refuse a frame that is too large or that nobody asked for, by throwing.
   */
  readonly payloadFor: (header: FrameHeader) => Uint8Array
  /** A whole frame; `payload` is the start of what `payloadFor` gave. */
  readonly onFrame: (header: FrameHeader, payload: Uint8Array) => void
}

/** Puts frames together out of the chunks of a stream, with one copy of each payload byte. */
export class FrameReader {
  readonly #options: FrameReaderOptions
  readonly #head = Buffer.allocUnsafe(headerBytes)
  /** Bytes there are of the part that is being read: of the header, then of the payload. */
  #filled = 0
  #open: { readonly header: FrameHeader; readonly payload: Uint8Array } | undefined

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** @throws FrameError when the chunk is not part of a frame */
  push(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length) offset += this.#take(chunk, offset)
  }

  /** Takes what the open part still needs; answers how many bytes that was. */
  #take(chunk: Uint8Array, offset: number): number {
    const target = this.#open?.payload ?? this.#head
    const wanted = (this.#open?.header.payloadBytes ?? headerBytes) - this.#filled
    const taken = Math.min(wanted, chunk.length - offset)
    target.set(chunk.subarray(offset, offset + taken), this.#filled)
    this.#filled += taken
    if (taken === wanted) this.#partComplete()
    return taken
  }

  #partComplete(): void {
    this.#filled = 0
    if (this.#open === undefined) {
      const header = readHeader(this.#head)
      this.#open = { header, payload: this.#options.payloadFor(header) }
      if (header.payloadBytes > 0) return
    }
    const { header, payload } = this.#open
    this.#open = undefined
    this.#options.onFrame(header, payload.subarray(0, header.payloadBytes))
  }
}

function readHeader(head: Buffer): FrameHeader {
  const found = head.readUInt16LE(markField)
  if (found !== mark) {
    throw new FrameError(
      `expected a frame's mark ${mark.toString(16)}, found ${found.toString(16)}: something else writes to the session's pipe`,
    )
  }
  const kind = head.readUInt16LE(kindField)
  if (!isFrameKind(kind)) throw new FrameError(`unknown kind of frame: ${kind}`)
  return {
    kind,
    id: head.readUInt32LE(idField),
    count: head.readUInt32LE(countField),
    payloadBytes: head.readUInt32LE(payloadBytesField),
  }
}

function isFrameKind(kind: number): kind is FrameKindNumber {
  return Object.values<number>(FrameKind).includes(kind)
}

function byteLengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0)
}
