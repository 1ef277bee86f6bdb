// A number of places, taken and given back. Who finds none waits: owners take turns, and what one
// owner asked for is served in its order, so that a flood for one model delays another's images by
// one place each, not by the whole flood.
import type { Cancellation } from '../cancellation.ts'

export interface Slots {
  readonly waiting: number
  /** How many go first if `owner` asks for one more place now. */
  ahead(owner: string): number
  /**
   * Resolves when a place is free, with the function that gives it back.
   * Rejects with the signal's reason when that aborts first.
   */
  take(owner: string, signal?: Cancellation): Promise<() => void>
  /** Rejects all that wait and all that come. */
  close(error: Error): void
}

interface Waiter {
  readonly enter: () => void
  readonly refuse: (reason: unknown) => void
}

export function createSlots(places: number): Slots {
  // Sets and maps keep the order of arrival and forget from the middle at once; the first owner is
  // the next one to be served.
  const turns = new Map<string, Set<Waiter>>()
  let free = places
  let closed: Error | undefined

  function release(): void {
    free++
    const [turn] = turns
    if (turn === undefined) return
    const [owner, waiters] = turn
    const [next] = waiters
    next?.enter()
    if (!turns.delete(owner) || waiters.size === 0) return
    turns.set(owner, waiters) // behind all others that wait
  }

  function count(): number {
    let waiting = 0
    for (const waiters of turns.values()) waiting += waiters.size
    return waiting
  }

  function wait(owner: string, signal: Cancellation | undefined): Promise<() => void> {
    const waiters = turns.get(owner) ?? new Set<Waiter>()
    turns.set(owner, waiters)
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter)
        if (waiters.size === 0 && turns.get(owner) === waiters) turns.delete(owner)
        signal?.removeEventListener('abort', abort)
      }
      const waiter: Waiter = {
        enter() {
          leave()
          free--
          resolve(release)
        },
        refuse(reason) {
          leave()
          reject(reason)
        },
      }
      const abort = () => waiter.refuse(signal?.reason)
      waiters.add(waiter)
      signal?.addEventListener('abort', abort)
    })
  }

  return {
    get waiting() {
      return count()
    },
    ahead(owner) {
      const own = turns.get(owner)?.size ?? 0
      const owners = turns.size + (own === 0 ? 1 : 0)
      return Math.min(count(), own * owners + owners - 1)
    },
    async take(owner, signal) {
      if (closed !== undefined) throw closed
      if (signal?.aborted) throw signal.reason
      if (free === 0) return wait(owner, signal)
      free--
      return release
    },
    close(error) {
      closed = error
      for (const waiter of [...turns.values()].flatMap((waiters) => [...waiters]))
        waiter.refuse(error)
    },
  }
}
