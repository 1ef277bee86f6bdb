// Holds a batch back so that it may grow: for a while, and never at the cost of what waits in it.

/** An item that waits. */
export interface Waiting {
  /** `performance.now()` when it came. */
  readonly queuedAt: number
  readonly options: { readonly deadline: number }
}

export interface GrowthOptions {
  readonly maxSize: number
  /** Holds a batch that is not full back for this long, counted from its oldest item; 0 never. */
  readonly maxDelayMs: number
  /**
   * Milliseconds that a batch of so many takes: it is held back no longer than lets its earliest deadline
   * be met. Where left out, batches take no time.
   */
  readonly batchMs?: (size: number) => number
}

/**
 * A timer fires late, and whoever waits has to be answered: this much is kept free. The first answers
 * of a process, whose code is not compiled yet, took 10 ms more than the later ones.
 */
const spareMs = 25

/**
 * Resolves when the batch is to go: it is full, its time is over, or one of it could not wait longer.
 * @param queue what waits, oldest first
 * @param listeners all of them are called when `queue` changes
 */
export function letGrow(
  queue: ReadonlySet<Waiting>,
  options: GrowthOptions,
  listeners: Set<() => void>,
): Promise<void> {
  if (options.maxDelayMs === 0) return Promise.resolve()
  return new Promise((resolve) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = () => {
      clearTimeout(timer)
      const restMs = heldUntil(queue, options) - performance.now()
      if (restMs > 0) {
        timer = setTimeout(look, restMs)
      } else {
        listeners.delete(look)
        resolve()
      }
    }
    listeners.add(look)
    look()
  })
}

/** `performance.now()` at which what waits is to go as a batch. */
function heldUntil(
  queue: ReadonlySet<Waiting>,
  { maxSize, maxDelayMs, batchMs = () => 0 }: GrowthOptions,
): number {
  const [oldest] = queue
  if (oldest === undefined || queue.size >= maxSize) return 0
  const takesMs = batchMs(queue.size) + spareMs
  let until = oldest.queuedAt + maxDelayMs
  for (const { options } of queue) until = Math.min(until, options.deadline - takesMs)
  return until
}
