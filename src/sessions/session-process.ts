// What a session process does: load one model, warm it, run batches one at a time, end when told.
// It is given the engines, so that only the process's entry (worker.ts) imports them.
import { Socket } from 'node:net'
import type {
  Availability,
  EngineName,
  LoadedModel,
  LoadRequest,
  ModelDescription,
} from '../engines/engine.ts'
import { ModelError, messageOf } from '../errors.ts'
import { cropBytesOf } from './crop-bytes.ts'
import { readCropMemory } from './crop-memory.ts'
import { FrameError, type FrameHeader, FrameKind, type FrameKindNumber } from './frame.ts'
import { pipeDescriptor } from './launch.ts'
import { ignoreGroupSignals, tieToParent } from './lifeline.ts'
import {
  type Channel,
  createChannel,
  type FromSession,
  type LoadMessage,
  type ReadyMessage,
  type RefusedEngine,
  scoresPayload,
  type ToSession,
} from './messages.ts'

/** The engines as a session process needs them. */
export interface SessionEngines {
  load(
    preference: EngineName | 'auto',
    request: LoadRequest,
    choice: {
      readonly excluded: readonly RefusedEngine[]
      readonly onTry: (engine: EngineName) => void
    },
  ): Promise<{ readonly model: LoadedModel; readonly refused: readonly RefusedEngine[] }>
  probe(engine: EngineName): Promise<Availability>
}

/** An engine that failed this often without a success between is not trusted to recover. */
const maxFailuresInARow = 3

const exitCode = { asked: 0, couldNotLoad: 3, keepsFailing: 4, protocol: 5 } as const

/** A model that is loaded, and the memory that its batches arrive in. */
interface Held {
  readonly model: LoadedModel
  readonly cropBytes: number
  readonly maxBatchSize: number
  /** uint8 [maxBatchSize, height, width, 3] or the bytes of float32, used again for every batch. */
  readonly pixels: Uint8Array
}

/**
 * Serves the process that started this one.
 * @param parentPid that process
 */
export function serveSession(engines: SessionEngines, parentPid: number): void {
  ignoreGroupSignals()
  const socket = new Socket({ fd: pipeDescriptor, readable: true, writable: true })
  tieToParent(parentPid, socket)
  new SessionProcess(engines, socket)
}

class SessionProcess {
  readonly #engines: SessionEngines
  readonly #socket: Socket
  readonly #channel: Channel<FromSession>
  #held: Held | undefined
  #running: Promise<void> | undefined
  #failuresInARow = 0

  constructor(engines: SessionEngines, socket: Socket) {
    this.#engines = engines
    this.#socket = socket
    this.#channel = createChannel<FromSession, ToSession>(socket, {
      onMessage: (message) => this.#obey(message),
      payloadFor: (header) => this.#pixelsFor(header),
      onBatch: (header) => {
        // A step later: a run that fails at once must find itself as what is running.
        this.#running = Promise.resolve().then(() => this.#run(header))
      },
      onBroken: (error) => {
        process.stderr.write(`the service sent what a session cannot read: ${messageOf(error)}\n`)
        process.exit(exitCode.protocol)
      },
    })
  }

  #obey(message: ToSession): void {
    switch (message.type) {
      case 'load':
        void this.#load(message)
        break
      case 'probe':
        void this.#probe(message.engine)
        break
      case 'askStats':
        this.#channel.send({ type: 'stats', rssBytes: process.memoryUsage.rss() })
        break
      case 'close':
        void this.#close()
        break
    }
  }

  async #load({ preference, request, excluded }: LoadMessage): Promise<void> {
    process.title = `resnet-serving session: ${request.model} on ${request.device}`
    try {
      const { model, refused } = await this.#engines.load(preference, engineRequest(request), {
        excluded,
        onTry: (engine) => this.#channel.send({ type: 'trying', engine }),
      })
      const cropBytes = cropBytesOf(model.description.input, request)
      const { maxBatchSize } = request
      const pixels = new Uint8Array(maxBatchSize * cropBytes)
      this.#held = { model, cropBytes, maxBatchSize, pixels }
      this.#channel.send({
        ...(await warmUp(this.#held)),
        description: describe(model.description, request),
        refused,
      })
    } catch (error) {
      this.#leave(exitCode.couldNotLoad, {
        type: 'failed',
        kind: error instanceof ModelError ? error.kind : 'unsupported',
        message: inServiceNames(messageOf(error), request),
      })
    }
  }

  async #probe(engine: EngineName): Promise<void> {
    const availability = await this.#engines
      .probe(engine)
      .catch((error): Availability => ({ available: false, reason: messageOf(error) }))
    this.#leave(exitCode.asked, { type: 'availability', availability })
  }

  /** The memory for a batch; also the check that one may come now and is as large as it says. */
  #pixelsFor({ kind, count, payloadBytes }: FrameHeader): Uint8Array {
    const held = this.#held
    if (!isRun(kind) || held === undefined || this.#running !== undefined) {
      throw new FrameError(`a frame of kind ${kind} at a time when none may come`)
    }
    const isWhole = payloadBytes === 0 || payloadBytes === count * held.cropBytes
    if (count < 1 || count > held.maxBatchSize || !isWhole) {
      throw new FrameError(
        `${payloadBytes} bytes for ${count} images; allowed are 1 to ${held.maxBatchSize} images of ${held.cropBytes} bytes`,
      )
    }
    return held.pixels
  }

  async #run({ kind, id, count, payloadBytes }: FrameHeader): Promise<void> {
    const { model, pixels, cropBytes } = this.#held as Held
    try {
      const batch = pixels.subarray(0, count * cropBytes)
      if (payloadBytes === 0) readCropMemory(batch)
      const startedAt = performance.now()
      const scores =
        kind === FrameKind.runAlone && model.runAlone !== undefined
          ? await model.runAlone(batch)
          : await model.run(batch, count)
      const inferMs = performance.now() - startedAt
      this.#failuresInARow = 0
      this.#running = undefined // before the answer: it lets the next batch come
      this.#channel.sendBatch({ kind: FrameKind.scores, id, count }, scoresPayload(inferMs, scores))
    } catch (error) {
      this.#running = undefined
      this.#failuresInARow += 1
      process.stderr.write(`a batch of ${count} failed: ${messageOf(error)}\n`)
      const answer = { type: 'runFailed', id, message: messageOf(error) } as const
      if (this.#failuresInARow < maxFailuresInARow) this.#channel.send(answer)
      else this.#leave(exitCode.keepsFailing, answer)
    }
  }

  async #close(): Promise<void> {
    await this.#running
    try {
      await this.#held?.model.close()
    } finally {
      process.exit(exitCode.asked)
    }
  }

  /** Says one last thing and ends the process when it is on its way. */
  #leave(code: number, last: FromSession): void {
    this.#channel.send(last)
    this.#socket.end(() => process.exit(code))
  }
}

/** Runs at both ends of the range of batch sizes, or at each that asks for it, so that no client pays for first-time work. */
async function warmUp({
  model,
  pixels,
  cropBytes,
  maxBatchSize,
}: Held): Promise<Pick<ReadyMessage, 'type' | 'fullBatchMs' | 'rssBytes'>> {
  for (const size of model.slowFirst ?? [1]) {
    await model.run(pixels.subarray(0, size * cropBytes), size)
  }
  await model.runAlone?.(pixels.subarray(0, cropBytes))
  const startedAt = performance.now()
  await model.run(pixels, maxBatchSize)
  const fullBatchMs = performance.now() - startedAt
  return { type: 'ready', fullBatchMs, rssBytes: process.memoryUsage.rss() }
}

function isRun(kind: FrameKindNumber): boolean {
  return kind === FrameKind.run || kind === FrameKind.runAlone
}

/** A session sees one GPU only (launch.ts), which is number 0 to its engine. */
function engineRequest(request: LoadRequest): LoadRequest {
  return isCuda(request.device) ? { ...request, device: 'cuda:0' } : request
}

/** What an engine said of its device, by the name that the service knows it by. */
function inServiceNames(message: string, { device }: LoadRequest): string {
  return isCuda(device) ? message.replaceAll('cuda:0', device) : message
}

/** The same of a description. */
function describe(description: ModelDescription, { device }: LoadRequest): ModelDescription {
  return isCuda(device) && isCuda(description.device) ? { ...description, device } : description
}

function isCuda(device: string): boolean {
  return device.startsWith('cuda')
}
