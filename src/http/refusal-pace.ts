// How fast clients are refused that do not wait for as long as they are told. One that sends its next
// request the moment it was refused costs as much work as a core can do, and takes it from the answers:
// so once refusals are many, such a client waits for its own. Who does as Retry-After says never does, nor does a
// proxy: many clients share its connections, and it may have another server to ask.
import type { FastifyRequest } from 'fastify'

/** So many a second are an overload, which is refused at once, and no flood. */
const manyPerSecond = 400
/** Long enough to make few of the many. */
const longestMs = 5_000
const windowMs = 1_000

export interface RefusalPace {
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

/**
 * @param requestTimeoutMs for which clients wait for an answer; none waits longer than half of it for its refusal
 * @param now milliseconds of a clock that never goes back
 */
export function createRefusalPace(
  requestTimeoutMs: number,
  now: () => number = () => performance.now(),
): RefusalPace {
  const mostMs = Math.min(longestMs, requestTimeoutMs / 2)
  let windowEndsAt = Number.NEGATIVE_INFINITY
  let refused = 0
  return {
    delayMs({ raw }, retryAfterMs) {
      const at = now()
      if (at >= windowEndsAt) {
        windowEndsAt = at + windowMs
        refused = 0
      }
      refused += 1
      if (forwardedBy.some((name) => raw.headers[name] !== undefined)) return 0
      const connection = raw.socket as Connection
      connection[toldKey] ??= { backAt: at, isPaced: false }
      const told = connection[toldKey]
      const tooEarlyMs = Math.max(0, told.backAt - at)
      // Once it is paced it stays so for as long as it comes too early, or all of them would take turns.
      told.isPaced = tooEarlyMs > 0 && (told.isPaced || refused > manyPerSecond)
      const delayMs = told.isPaced ? Math.min(mostMs, tooEarlyMs) : 0
      told.backAt = at + delayMs + retryAfterMs
      return delayMs
    },
  }
}
