// Learns from recent batches how long work takes, and foretells when a new image would be done:
// that decides who is refused at the door and what `Retry-After` says.

/** How much one more batch moves the averages: about the last 20 batches count. */
const weight = 0.1

export interface Forecast {
  /** A batch of `size` images took `ms`. */
  learn(size: number, ms: number): void
  /**
   * Milliseconds until an image that comes now would be done; 0 while nothing is learned.
   * @param ahead images that wait before it
   */
  finishMs(ahead: number): number
}

/**
 * @param sessions how many batches run at once
 * @param maxBatchSize most images of a batch
 */
export function createForecast(sessions: number, maxBatchSize: number): Forecast {
  // duration = fixed + each * size, by exponentially weighted least squares over recent batches.
  let meanSize = 0
  let meanMs = 0
  let sizeVariance = 0
  let covariance = 0
  let learned = false

  function durationMs(size: number): number {
    // With batches of one size only, time is taken as proportional to size: on the safe side.
    const slope = sizeVariance > 0.01 ? Math.max(0, covariance / sizeVariance) : meanMs / meanSize
    return Math.max(0, meanMs + slope * (size - meanSize))
  }

  return {
    learn(size, ms) {
      if (!learned) {
        learned = true
        meanSize = size
        meanMs = ms
        return
      }
      const sizeChange = size - meanSize
      const msChange = ms - meanMs
      meanSize += weight * sizeChange
      meanMs += weight * msChange
      sizeVariance = (1 - weight) * (sizeVariance + weight * sizeChange * sizeChange)
      covariance = (1 - weight) * (covariance + weight * sizeChange * msChange)
    },
    finishMs(ahead) {
      if (!learned) return 0
      const fullBatches = Math.floor(ahead / maxBatchSize)
      const own = durationMs((ahead % maxBatchSize) + 1)
      return (fullBatches * durationMs(maxBatchSize)) / sessions + own
    },
  }
}
