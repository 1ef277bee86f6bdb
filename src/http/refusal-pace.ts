// How fast clients are refused that do not wait for as long as they are told. One that sends its next
// request the moment it was refused costs as much work as a core can do, and takes it from the answers:
// so once refusals are many, such a client waits for its own. Who does as Retry-After says never does, nor does a
// proxy: many clients share its connections, and it may have another server to ask.
import type { FastifyRequest } from 'fastify'
import type { HttpLimits } from './options.ts'

/** So many a second are an overload, which is refused at once, and no flood, whatever they cost. */
const fewPerWindow = 400
/** Of the time of all cores, what refusals may take before they are paced. */
const shareOfCores = 0.15
/** All refusals come from one thread, which has answers to send as well. */
const largestShareOfThread = 0.5
/** A thread that works for so much of its time has none to spare for refusals. */
const full = 0.9
/** Long enough to make few of the many. */
const longestMs = 5_000
const windowMs = 1_000

export interface RefusalPaceOptions extends Pick<HttpLimits, 'requestTimeoutMs' | 'cores'> {
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
  /** Milliseconds for which this thread has not been waiting for anything to do. */
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

/** No client waits longer for its refusal than half of `requestTimeoutMs`. */
export function createRefusalPace(options: RefusalPaceOptions): RefusalPace {
  const { now = () => performance.now() } = options
  const mostMs = Math.min(longestMs, options.requestTimeoutMs / 2)
  const flood = createFloodGauge(options)
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

/** Tells whether the refusals of the present window are too many, from how busy the thread has been in it. */
function createFloodGauge(options: RefusalPaceOptions) {
  const { busyMs = () => performance.eventLoopUtilization().active } = options
  const share = Math.min(largestShareOfThread, shareOfCores * options.cores)
  const window = { startedAt: Number.NEGATIVE_INFINITY, busyMs: 0, requests: 0, refused: 0 }

  function takeTooMuch(elapsedMs: number): boolean {
    const spentMs = busyMs() - window.busyMs
    // As if each request cost the same: an image that is answered costs more than one that is refused, a probe less.
    const refusingMs = (spentMs * window.refused) / window.requests
    const isFull = elapsedMs >= windowMs / 2 && spentMs > full * elapsedMs
    return isFull || refusingMs > share * windowMs
  }

  return {
    arrived() {
      window.requests += 1
    },
    /** @returns whether refusals, with this one, are more than there may be */
    refused(at: number) {
      if (at >= window.startedAt + windowMs) {
        Object.assign(window, { startedAt: at, busyMs: busyMs(), requests: 1, refused: 0 })
      }
      window.refused += 1
      return window.refused > fewPerWindow && takeTooMuch(at - window.startedAt)
    },
  }
}
