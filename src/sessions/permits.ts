// Who may compute on a device: as many batches at a time as it has permits. Sessions of several
// models share them, so that together they neither oversubscribe the device nor starve each other.

/** Gives a permit back; calling it again does nothing. */
export type ReleasePermit = () => void

export interface Permits {
  readonly count: number
  readonly held: number
  readonly waiting: number
  /**
   * Resolves when a permit is free. Owners (the pools) take turns, each being served in the order
   * it asked: a busy model delays another by one batch, however many sessions it has.
   */
  acquire(owner: object): Promise<ReleasePermit>
  /** Whether another owner has asked for a permit lately. */
  sharedWith(owner: object): boolean
}

/** An owner that asked within this will ask again: the model it stands for is in use. */
const latelyMs = 2_000

/** @param count batches that may run on the device together, at least 1 */
export function createPermits(count: number): Permits {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new RangeError(`permits: expected a whole number of at least 1, found ${count}`)
  }
  // A map iterates in insertion order: its first owner is the next one to be served.
  const turns = new Map<object, ((release: ReleasePermit) => void)[]>()
  const lastAsked = new Map<object, number>()
  let held = 0
  let waiting = 0

  function grant(): void {
    const [turn] = turns
    if (turn === undefined || held === count) return
    const [owner, requests] = turn
    const request = requests.shift()
    turns.delete(owner)
    if (requests.length > 0) turns.set(owner, requests) // behind all others that wait
    waiting -= 1
    held += 1
    request?.(releaseOnce())
  }

  function releaseOnce(): ReleasePermit {
    let released = false
    return () => {
      if (released) return
      released = true
      held -= 1
      grant()
    }
  }

  return {
    count,
    get held() {
      return held
    },
    get waiting() {
      return waiting
    },
    sharedWith(owner) {
      const since = performance.now() - latelyMs
      for (const [other, at] of lastAsked) {
        if (at < since) lastAsked.delete(other)
        else if (other !== owner) return true
      }
      return false
    },
    acquire(owner) {
      lastAsked.set(owner, performance.now())
      return new Promise((resolve) => {
        const requests = turns.get(owner)
        if (requests === undefined) turns.set(owner, [resolve])
        else requests.push(resolve)
        waiting += 1
        grant()
      })
    },
  }
}
