// What the service and a session process say to each other: the control messages, and the layout
// of a batch's answer. Both ends speak through a Channel.
import type { Socket } from 'node:net'
import type { Availability, EngineName, LoadRequest, ModelDescription } from '../engines/engine.ts'
import {
  FrameError,
  type FrameHeader,
  FrameKind,
  type FrameKindNumber,
  FrameReader,
  maxControlBytes,
  writeFrame,
} from './frame.ts'

/** An engine that was not used, and why, in a sentence for the operator. */
export interface RefusedEngine {
  readonly engine: string
  readonly reason: string
}

/** The work a session process begins with. */
export interface LoadMessage {
  readonly type: 'load'
  readonly preference: EngineName | 'auto'
  readonly request: LoadRequest
  /** Engines that are not to be tried: they ended an earlier process. */
  readonly excluded: readonly RefusedEngine[]
}

export type ToSession =
  | LoadMessage
  | { readonly type: 'probe'; readonly engine: EngineName }
  | { readonly type: 'askStats' }
  | { readonly type: 'close' }

export interface ReadyMessage {
  readonly type: 'ready'
  readonly description: ModelDescription
  readonly refused: readonly RefusedEngine[]
  /** Milliseconds of the first run at the largest batch size: a little more than later ones take. */
  readonly fullBatchMs: number
  readonly rssBytes: number
}

export type FromSession =
  /** Sent before an engine's library loads, so that a crash can be laid at its door. */
  | { readonly type: 'trying'; readonly engine: EngineName }
  | ReadyMessage
  | {
      readonly type: 'failed'
      readonly kind: 'missing' | 'corrupt' | 'unsupported'
      readonly message: string
    }
  | { readonly type: 'runFailed'; readonly id: number; readonly message: string }
  | { readonly type: 'stats'; readonly rssBytes: number }
  | { readonly type: 'availability'; readonly availability: Availability }

const inferMsField = 0
const scoresField = 8
const float32Bytes = 4

/** The payload of a `scores` frame. */
export function scoresPayload(inferMs: number, scores: Float32Array): readonly Uint8Array[] {
  const prefix = Buffer.allocUnsafe(scoresField)
  prefix.writeDoubleLE(inferMs, inferMsField)
  return [prefix, new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength)]
}

export function scoresPayloadBytes(count: number, classes: number): number {
  return scoresField + count * classes * float32Bytes
}

/** @param payload the start of an allocation of its own, so that the floats are aligned */
export function readScores(payload: Uint8Array): { inferMs: number; scores: Float32Array } {
  const { buffer, byteOffset, byteLength } = payload
  const inferMs = new DataView(buffer, byteOffset).getFloat64(inferMsField, true)
  const count = (byteLength - scoresField) / float32Bytes
  return { inferMs, scores: new Float32Array(buffer, byteOffset + scoresField, count) }
}

export interface ChannelOptions<Received> {
  readonly onMessage: (message: Received) => void
  /** A batch or its scores, in memory that `payloadFor` gave; nothing of a batch in the crop memory. */
  readonly onBatch: (header: FrameHeader, payload: Uint8Array) => void
  /** Memory for the payload of a `run` or `scores` frame; throws FrameError if none is due. */
  readonly payloadFor: (header: FrameHeader) => Uint8Array
  /** The other side broke the protocol; nothing more is read. */
  readonly onBroken: (error: unknown) => void
}

/** One end of the pipe between the service and a session process. */
export interface Channel<Sent> {
  send(message: Sent): void
  sendBatch(
    header: {
      kind: Exclude<FrameKindNumber, typeof FrameKind.control>
      id: number
      count: number
    },
    payload: readonly Uint8Array[],
  ): void
}

/** Speaks over `socket`, whose errors the caller handles. */
export function createChannel<Sent extends ToSession | FromSession, Received>(
  socket: Socket,
  options: ChannelOptions<Received>,
): Channel<Sent> {
  const reader = new FrameReader({
    payloadFor: (header) =>
      header.kind === FrameKind.control ? controlPayload(header) : options.payloadFor(header),
    onFrame: (header, payload) => {
      if (header.kind === FrameKind.control) options.onMessage(parseMessage<Received>(payload))
      else options.onBatch(header, payload)
    },
  })
  socket.on('data', function read(chunk: Uint8Array) {
    try {
      reader.push(chunk)
    } catch (error) {
      socket.off('data', read)
      options.onBroken(error)
    }
  })
  return {
    send(message) {
      const control = { kind: FrameKind.control, id: 0, count: 0 }
      writeFrame(socket, control, [Buffer.from(JSON.stringify(message))])
    },
    sendBatch: (header, payload) => writeFrame(socket, header, payload),
  }
}

function controlPayload({ payloadBytes }: FrameHeader): Uint8Array {
  if (payloadBytes > maxControlBytes) {
    throw new FrameError(`a message of ${payloadBytes} bytes; allowed are ${maxControlBytes}`)
  }
  return Buffer.allocUnsafe(payloadBytes)
}

function parseMessage<Message>(payload: Uint8Array): Message {
  // Both ends are the same build of this program, so the shape needs no check of its own.
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString())
}
