// When a dead session is replaced, and when the pool says that it cannot keep sessions alive.
import { ServiceError } from '../errors.ts'
import type { Session } from './session.ts'

export interface RestartOptions {
  /** The wait before the second restart in a row; the first is at once. It doubles from there. */
  readonly minMs: number
  /** The longest wait while sessions die without having run anything. */
  readonly maxMs: number
  /** The longest wait while they die after having run something: an image may be to blame. */
  readonly maxAfterRunsMs: number
  /** A session that lived longer than this ends a row of quick deaths. */
  readonly quickMs: number
}

export const defaultRestart: RestartOptions = {
  minMs: 100,
  maxMs: 30_000,
  maxAfterRunsMs: 1_000, // full capacity is back within 5 s, load and warm-up included
  quickMs: 10_000,
}

/** The waits before one place's restarts: exponential, with jitter. */
export class Backoff {
  readonly #options: RestartOptions
  #quickDeaths = 0

  constructor(options: RestartOptions) {
    this.#options = options
  }

  /** Milliseconds to wait before the place of `dead` is filled again. */
  delayMs(dead: Pick<Session, 'startedAt' | 'runs'>): number {
    const { minMs, maxMs, maxAfterRunsMs, quickMs } = this.#options
    const quick = performance.now() - dead.startedAt < quickMs
    this.#quickDeaths = quick ? this.#quickDeaths + 1 : 1
    if (this.#quickDeaths === 1) return 0
    const longestMs = dead.runs > 0 ? maxAfterRunsMs : maxMs
    const delayMs = Math.min(minMs * 2 ** (this.#quickDeaths - 2), longestMs)
    return delayMs * (0.5 + Math.random() / 2) // places that died together come back apart
  }
}

export interface BreakerOptions {
  readonly deaths: number
  readonly windowMs: number
}

export const defaultBreaker: BreakerOptions = { deaths: 5, windowMs: 60_000 }

/** Opens when sessions only die: too many deaths in the window, and no successful run since. */
export class Breaker {
  readonly #options: BreakerOptions
  /** When sessions died since the last success, by performance.now(). */
  #deaths: number[] = []

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get open(): boolean {
    const { deaths, windowMs } = this.#options
    const since = performance.now() - windowMs
    return this.#deaths.filter((at) => at >= since).length >= deaths
  }

  recordDeath(): void {
    this.#deaths = [...this.#deaths, performance.now()].slice(-this.#options.deaths)
  }

  recordSuccess(): void {
    if (this.#deaths.length > 0) this.#deaths = []
  }
}

/** What a client is told to wait while no session can be kept alive, in seconds. */
const retryAfterS = 5

export function notReady(): ServiceError {
  const message = 'no session of this model can be kept running at the moment; try again later'
  return new ServiceError('not_ready', message, { retryAfterS })
}

/** What whoever asks for a session of a pool that is closing is told. */
export function unloaded(): ServiceError {
  return new ServiceError('draining', 'the model is being unloaded; try again')
}
