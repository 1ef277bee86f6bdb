// A number of places, taken and given back; who finds none waits, first come first served.

export interface Slots {
  readonly waiting: number
  /**
   * Resolves when a place is free, with the function that gives it back.
   * Rejects with the signal's reason when that aborts first.
   */
  take(signal?: AbortSignal): Promise<() => void>
  /** Rejects all that wait and all that come. */
  close(error: Error): void
}

interface Waiter {
  readonly enter: () => void
  readonly refuse: (reason: unknown) => void
}

export function createSlots(places: number): Slots {
  // A set keeps the order of arrival and forgets from the middle at once.
  const waiters = new Set<Waiter>()
  let free = places
  let closed: Error | undefined

  function release(): void {
    free++
    const [next] = waiters
    next?.enter()
  }

  function wait(signal: AbortSignal | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter)
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
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  return {
    get waiting() {
      return waiters.size
    },
    async take(signal) {
      if (closed !== undefined) throw closed
      signal?.throwIfAborted()
      if (free === 0) return wait(signal)
      free--
      return release
    },
    close(error) {
      closed = error
      for (const waiter of [...waiters]) waiter.refuse(error)
    },
  }
}
