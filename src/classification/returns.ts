// When refused clients should come back. Told the same second, a crowd comes back as one, finds room for a
// few and is refused again, which takes time from the answers (docs/performance, 512 clients). So each is
// given the time at which its turn would come if all that were refused before it came back too.

/**
 * Nobody is sent away for longer, unless the queue itself takes longer. A crowd that is too large for
 * this comes back several times, and each time is refused again.
 */
const longestMs = 30_000

export interface Returns {
  /**
   * Milliseconds after which the client that is refused now may come back.
   * @param waitMs after which there is room again
   * @param eachMs that each image takes, at the rate of all sessions together
   */
  next(waitMs: number, eachMs: number): number
}

/** @param now milliseconds of a clock that never goes back */
export function createReturns(now: () => number = () => performance.now()): Returns {
  let lastAt = Number.NEGATIVE_INFINITY
  return {
    next(waitMs, eachMs) {
      const at = now()
      const firstAt = at + waitMs
      const turnAt = Math.max(firstAt, lastAt + eachMs)
      // A larger crowd is spread over the time again, and not put at its end, where it would be one again.
      lastAt = turnAt - at > Math.max(waitMs, longestMs) ? firstAt : turnAt
      return lastAt - at
    },
  }
}
