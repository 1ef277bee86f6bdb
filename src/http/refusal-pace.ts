// How fast clients are refused that do not wait for as long as they are told. One that sends its next
// request the moment it was refused costs as much work as a core can do, and takes it from the answers:
// so once refusals are many, such a client waits for its own. Who does as Retry-After says never does, nor does a
// proxy: many clients share its connections, and it may have another server to ask.
import type { FastifyRequest } from 'fastify'

/** So many a second are an overload, which is refused at once, and no flood, whatever they cost. */
const fewPerWindow = 400
/** Of the time of all cores, what refusals may take before they are paced; the answers need the rest. */
const shareOfCores = 0.15
/** All refusals come from one thread, which has answers to send as well. */
const largestShareOfThread = 0.5
/** Long enough to make few of the many. */
const longestMs = 5_000
const windowMs = 1_000

export interface RefusalPaceOptions {
  /** For which clients wait for an answer; none waits longer than half of it for its refusal. */
  readonly requestTimeoutMs: number
  /** Of this machine, for service and sessions. */
  readonly cores: number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
  /** Milliseconds for which this thread has been at work. */
  readonly busyMs?: () => number
}

export interface RefusalPace {
  /** Notes that a request has come, whatever will be its answer. */
  arrived(): void
  /**
   * Notes that a request is refused.
   * @param retryAfterMs after which its client is told to come back
   * @returns milliseconds after which the refusal is to be sent; mostly 0
   */
  delayMs(request: FastifyRequest, retryAfterMs: number): number
}

/** What the client on a connection was told, and whether it did otherwise when refusals were many. */
interface Told {
  /** `performance.now()` before which it was not to come back. */
  backAt: number
  isPaced: boolean
}

/** Headers by which a proxy tells that it is one. */
const forwardedBy = ['x-forwarded-for', 'forwarded', 'via']

const toldKey = Symbol('told')

/** A property and not a WeakMap, as in request-record.ts. */
interface Connection {
  [toldKey]?: Told
}

export function createRefusalPace(options: RefusalPaceOptions): RefusalPace {
  const { now = () => performance.now() } = options
  const mostMs = Math.min(longestMs, options.requestTimeoutMs / 2)
  const flood = createFloodGauge(options, now)
  return {
    arrived: flood.arrived,
    delayMs({ raw }, retryAfterMs) {
      const at = now()
      const isFlood = flood.refused(at)
      if (forwardedBy.some((name) => raw.headers[name] !== undefined)) return 0
      const connection = raw.socket as Connection
      connection[toldKey] ??= { backAt: at, isPaced: false }
      const told = connection[toldKey]
      const tooEarlyMs = Math.max(0, told.backAt - at)
      // Once it is paced it stays so for as long as it comes too early, or all of them would take turns.
      told.isPaced = tooEarlyMs > 0 && (told.isPaced || isFlood)
      const delayMs = told.isPaced ? Math.min(mostMs, tooEarlyMs) : 0
      told.backAt = at + delayMs + retryAfterMs
      return delayMs
    },
  }
}

/** Tells from how busy the thread was in the window before whether the refusals of this one are too many. */
function createFloodGauge(options: RefusalPaceOptions, now: () => number) {
  const { busyMs = () => performance.eventLoopUtilization().active } = options
  const share = Math.min(largestShareOfThread, shareOfCores * options.cores)
  const window = { startedAt: now(), busyMs: busyMs(), requests: 0, refused: 0 }
  let most = fewPerWindow
  const begin = (at: number) => {
    // A refusal costs no more than an answer: where there are both it is taken for dearer than it is.
    const costMs = (busyMs() - window.busyMs) / Math.max(1, window.requests)
    most = Math.max(fewPerWindow, (share * windowMs) / costMs)
    Object.assign(window, { startedAt: at, busyMs: busyMs(), requests: 0, refused: 0 })
  }
  return {
    arrived() {
      window.requests += 1
    },
    /** @returns whether refusals, with this one, are more than there may be */
    refused(at: number) {
      if (at >= window.startedAt + windowMs) begin(at)
      window.refused += 1
      return window.refused > most
    },
  }
}
