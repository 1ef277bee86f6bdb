// How long a batch may take before its session counts as hung: learned from the batches before it.

export interface WatchdogOptions {
  /** No run is called hung before this, in milliseconds. */
  readonly floorMs: number
  /** How many times the learned p99 a run may take. */
  readonly factor: number
}

export const defaultWatchdog: WatchdogOptions = {
  // A hang is noticed and its session replaced within 5 s, which leaves as much of the default
  // REQUEST_TIMEOUT_MS of 10 s for another try.
  floorMs: 3_000,
  // Another program on the same cores slows a run several times, not ten times.
  factor: 10,
}

export interface RunOptions {
  /** Whether these crops were with a session that ended. */
  readonly isAgain: boolean
  /** Whether nothing else runs on the device now. */
  readonly isAlone: boolean
  /** The run takes suspiciously long. It may still come to a good end. */
  readonly onSlow: () => void
}

/** A run gets this share of its limit before its session is mistrusted: still several times the p99. */
const trustedShare = 1 / 3
/** So does one of an image whose last session ended: the next is likely to end too. */
const trustedShareAgain = 1 / 8

/** Enough runs for a p99, few enough to follow a machine whose load changes. */
const windowRuns = 256

interface Run {
  readonly count: number
  readonly ms: number
}

/** The window is sorted once in so many runs, to keep the service's own work per batch small. */
const learnEvery = 16

/** The learned durations of one model's runs, shared by its sessions. */
export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #runs: Run[] = []
  #learned = 0
  #p99Ms = 0
  #largestCount = 1

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  learn(count: number, ms: number): void {
    this.#runs[this.#learned % windowRuns] = { count, ms }
    if (this.#learned % learnEvery === 0) this.#summarize()
    this.#learned += 1
  }

  /** The longest that a run of `count` images may take, in milliseconds. */
  limitMs(count: number): number {
    // A larger batch than any in the window may take longer in proportion.
    const growth = Math.max(1, count / this.#largestCount)
    return Math.max(this.#options.floorMs, this.#options.factor * this.#p99Ms * growth)
  }

  /** After so many milliseconds a replacement is prepared, in case that the run does hang. */
  trustedMs(count: number, isAgain: boolean): number {
    return this.limitMs(count) * (isAgain ? trustedShareAgain : trustedShare)
  }

  #summarize(): void {
    const sorted = this.#runs.map((run) => run.ms).sort((a, b) => a - b)
    this.#p99Ms = sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 0
    this.#largestCount = Math.max(...this.#runs.map((run) => run.count))
  }
}

/** Short beside any limit, long beside the work of a tick. */
const tickMs = 100

/**
 * Calls `onHang` once this process has been awake for `limitMs`; the returned function stops it.
 * A container that was frozen or a machine that slept must not count as a hang: the session slept as
 * well, and its answer needs as long as ever. So time is counted in short ticks, and a tick that
 * comes late counts as one that was on time.
 */
export function watch(limitMs: number, onHang: () => void): () => void {
  let awakeMs = 0
  let lastLook: NodeJS.Timeout | undefined
  const timer = setInterval(() => {
    awakeMs += tickMs
    if (awakeMs < limitMs) return
    clearInterval(timer)
    // Timers run before arrived data is read: after a late tick the answer may be here already.
    lastLook = setTimeout(onHang, tickMs)
  }, tickMs)
  return () => {
    clearInterval(timer)
    clearTimeout(lastLook)
  }
}

/** Several of those; the returned function stops them all. */
export function watchAll(alarms: readonly (readonly [number, () => void])[]): () => void {
  const stops = alarms.map(([afterMs, call]) => watch(afterMs, call))
  return () => {
    for (const stop of stops) stop()
  }
}
