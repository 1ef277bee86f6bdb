// The service's handle of one session process, from its start to its end.
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { ModelError, messageOf } from '../errors.ts'
import { checkCrops } from './crop-bytes.ts'
import { FrameError, type FrameHeader, FrameKind } from './frame.ts'
import { pipeDescriptor, type SessionProcess } from './launch.ts'
import { forwardLines } from './lines.ts'
import {
  type Channel,
  createChannel,
  type FromSession,
  type LoadMessage,
  type ReadyMessage,
  readScores,
  scoresPayloadBytes,
  type ToSession,
} from './messages.ts'
import type { Scores } from './outcomes.ts'
import {
  endUnasked,
  RunFailedError,
  type SessionDeath,
  type SessionEnd,
  SessionEndedError,
} from './session-end.ts'
import { throttle } from './throttle.ts'
import { type RunOptions, type Watchdog, watch, watchAll } from './watchdog.ts'

/** A line that a session process wrote to a standard stream, for the log. */
export interface SessionLine {
  readonly session: number
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export interface SessionOptions {
  /** Unique in its pool; never used again. */
  readonly id: number
  readonly process: SessionProcess
  readonly load: LoadMessage
  /** Milliseconds until a load counts as hung. */
  readonly loadLimitMs: number
  readonly watchdog: Watchdog
  readonly onLine: (line: SessionLine) => void
  /** Whether others are at work, whom it lets go before it while it loads; null never does. */
  readonly isBusy: (() => boolean) | null
  /** Whether the files it loaded are those that are meant. */
  readonly isCurrent: () => Promise<boolean>
}

interface InFlight {
  readonly id: number
  readonly count: number
  readonly startedAt: number
  readonly resolve: (scores: readonly Scores[]) => void
  readonly reject: (error: RunFailedError | SessionEndedError) => void
  readonly stopWatch: () => void
}

/** Between the end of the pipe and the news of the process's end. */
const closedPipeGraceMs = 1_000

export class Session {
  readonly id: number
  readonly device: string
  /** Whether an image that comes alone gets more threads here than one of a batch. */
  readonly isWide: boolean
  readonly startedAt = performance.now()
  /** Resolves once it is loaded and warm. Rejects with ModelError or SessionEndedError. */
  readonly ready: Promise<ReadyMessage>
  /** Resolves when the process has ended; never rejects. */
  readonly gone: Promise<SessionEnd>
  /** Whether its process was there before its model was known. */
  readonly wasSpare: boolean
  /** The engine whose library was loading last. */
  trying: string | undefined
  /** Successful runs. */
  runs = 0
  rssBytes = 0
  /** Whether the process has not ended yet. */
  alive = true
  /** How often it was asked for its statistics since it last answered. */
  unanswered = 0

  readonly #options: SessionOptions
  readonly #child: ChildProcess
  readonly #channel: Channel<ToSession>
  #loaded: ReadyMessage | undefined
  #inFlight: InFlight | undefined
  #nextBatch = 1
  /** Why this process was killed by us, or what it said before it ended. */
  #cause: { readonly reason: SessionEnd['reason']; readonly detail: string } | undefined
  #resolveReady!: (message: ReadyMessage) => void
  #rejectReady!: (error: Error) => void

  constructor(options: SessionOptions) {
    const { id, load, process } = options
    this.#options = options
    this.id = id
    this.device = load.request.device
    this.wasSpare = process.wasSpare ?? false
    this.isWide = load.request.threadsAlone !== undefined
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve
      this.#rejectReady = reject
    })
    this.ready.catch(() => {}) // whoever waits for it learns of it; nobody has to
    this.#child = process.child
    this.gone = this.#whenGone()
    void this.gone.then(() => process.cropMemory?.close())
    forwardLines(this.#child, (line) => options.onLine({ session: id, ...line }))
    this.#channel = this.#openChannel()
    this.#channel.send(load)
    const stopWatch = watch(options.loadLimitMs, () =>
      this.kill('hang', `not loaded after ${options.loadLimitMs} ms`),
    )
    this.ready.then(stopWatch, stopWatch)
    const { isBusy } = options
    if (isBusy !== null) throttle(this.#child, { isBusy, until: this.ready })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  get loaded(): ReadyMessage {
    if (this.#loaded === undefined) throw new Error('the session is not loaded yet. This is a bug.')
    return this.#loaded
  }

  /**
   * Runs one batch; one at a time.
   * @param crops uint8 [height, width, 3] each
   * @throws RunFailedError when the engine refused the batch, SessionEndedError when it died
   */
  run(crops: readonly Uint8Array[], options: RunOptions): Promise<readonly Scores[]> {
    const { isAgain, isAlone, onSlow } = options
    if (this.#inFlight !== undefined) throw new Error('one batch at a time. This is a bug.')
    checkCrops(crops, this.loaded.description.input, this.#options.load.request)
    const id = this.#nextBatch
    const count = crops.length
    this.#nextBatch += 1
    return new Promise((resolve, reject) => {
      const { watchdog } = this.#options
      const limitMs = watchdog.limitMs(count)
      const detail = `a batch of ${count} took more than ${Math.round(limitMs)} ms`
      const stopWatch = watchAll([
        [limitMs, () => this.kill('hang', detail)],
        [watchdog.trustedMs(count, isAgain), onSlow],
      ])
      this.#inFlight = { id, count, startedAt: performance.now(), resolve, reject, stopWatch }
      const kind = isAlone && this.isWide && count === 1 ? FrameKind.runAlone : FrameKind.run
      const isThere = this.#options.process.cropMemory?.write(crops) ?? false
      this.#channel.sendBatch({ kind, id, count }, isThere ? [] : crops)
    })
  }

  askStats(): void {
    if (this.unanswered === 0) this.#channel.send({ type: 'askStats' })
    this.unanswered += 1
  }

  /** Ends the process in good order, or with SIGKILL after `graceMs`. Resolves when it is gone. */
  async end(graceMs: number, reason: 'asked' | 'memory' | 'slow' = 'asked'): Promise<void> {
    this.#cause ??= { reason, detail: 'asked to end' }
    this.#channel.send({ type: 'close' })
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await this.gone
    clearTimeout(timer)
  }

  kill(reason: SessionDeath, detail: string): void {
    this.#cause ??= { reason, detail }
    this.#child.kill('SIGKILL')
  }

  #openChannel(): Channel<ToSession> {
    // Where the process could not be started there may be no pipe; its `error` event tells why.
    const stdio = this.#child.stdio as ChildProcess['stdio'] | undefined
    const socket = stdio?.[pipeDescriptor] as unknown as Socket | undefined
    if (socket === undefined) return { send: () => {}, sendBatch: () => {} }
    // A process that dies leaves EPIPE and ECONNRESET behind: its end is told by `gone`.
    socket.on('error', () => {})
    socket.on('close', () => {
      // Mostly because it ended, which is told a moment later: only one that lives on is killed.
      const timer = setTimeout(() => this.kill('protocol', 'closed its pipe'), closedPipeGraceMs)
      void this.gone.then(() => clearTimeout(timer))
    })
    return createChannel<ToSession, FromSession>(socket, {
      onMessage: (message) => this.#hear(message),
      payloadFor: (header) => this.#scoresFor(header),
      onBatch: (header, payload) => this.#deliver(header, payload),
      onBroken: (error) => this.kill('protocol', messageOf(error)),
    })
  }

  #hear(message: FromSession): void {
    switch (message.type) {
      case 'trying':
        this.trying = message.engine
        break
      case 'ready':
        this.#loaded = message
        this.rssBytes = message.rssBytes
        void this.#admit(message)
        break
      case 'failed':
        this.#cause ??= { reason: 'load', detail: message.message }
        this.#rejectReady(new ModelError(message.kind, message.message))
        break
      case 'runFailed':
        this.#takeInFlight(message.id)?.reject(new RunFailedError(message.message))
        break
      case 'stats':
        this.rssBytes = message.rssBytes
        this.unanswered = 0
        break
      case 'availability':
        break // an answer to probe-engines.ts, which speaks for itself
    }
  }

  /** A session whose files were replaced while it loaded may hold a bit of both. */
  async #admit(message: ReadyMessage): Promise<void> {
    const { watchdog, load, isCurrent } = this.#options
    if (await isCurrent()) {
      watchdog.learn(load.request.maxBatchSize, message.fullBatchMs)
      this.#resolveReady(message)
      return
    }
    const detail = `model ${load.request.model}: its files changed while they were loaded`
    this.#rejectReady(new ModelError('corrupt', detail))
    this.kill('load', detail)
  }

  /** Memory of its own for each answer: clients keep views of it. */
  #scoresFor({ kind, id, count, payloadBytes }: FrameHeader): Uint8Array {
    const due = this.#inFlight
    if (kind !== FrameKind.scores || due === undefined || due.id !== id || due.count !== count) {
      throw new FrameError(`a frame of kind ${kind} for batch ${id}, which was not asked for`)
    }
    const expected = scoresPayloadBytes(count, this.loaded.description.output.classes)
    if (payloadBytes !== expected) {
      throw new FrameError(
        `${payloadBytes} bytes of scores for ${count} images; expected ${expected}`,
      )
    }
    return new Uint8Array(payloadBytes)
  }

  #deliver({ id, count }: FrameHeader, payload: Uint8Array): void {
    const run = this.#takeInFlight(id)
    if (run === undefined) return
    this.runs += 1
    this.#options.watchdog.learn(count, performance.now() - run.startedAt)
    const { inferMs, scores } = readScores(payload) // float32 [count, classes]
    const { classes } = this.loaded.description.output
    run.resolve(
      Array.from({ length: count }, (_, row) => ({
        scores: scores.subarray(row * classes, (row + 1) * classes),
        inferMs,
      })),
    )
  }

  #takeInFlight(id: number): InFlight | undefined {
    const run = this.#inFlight
    if (run?.id !== id) return undefined
    this.#inFlight = undefined
    run.stopWatch()
    return run
  }

  #whenGone(): Promise<SessionEnd> {
    return new Promise((resolve) => {
      const settle = (detail: string, signal: string | null) => {
        this.alive = false
        const end =
          this.#cause === undefined
            ? endUnasked(detail, signal)
            : { ...this.#cause, fromOutside: false }
        const error = new SessionEndedError(end)
        this.#rejectReady(error) // no effect once it was ready
        const run = this.#inFlight
        this.#inFlight = undefined
        run?.stopWatch()
        run?.reject(error)
        resolve(end)
      }
      // `exit`, not `close`: a grandchild may hold the standard streams open.
      this.#child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`, signal))
      this.#child.on('error', (error) => {
        // Also told of a kill or a write that failed; only a process that never was has no pid.
        if (this.#child.pid === undefined) settle(messageOf(error), null)
      })
    })
  }
}
