// Learns from recent batches how long work takes, and foretells when a new image would be done:
// that decides who is refused at the door and what `Retry-After` says.

/** How much one more batch moves the averages: about the last 20 batches count. */
const weight = 0.1

export interface Forecast {
  /** A batch of `size` images took `ms`. */
  learn(size: number, ms: number): void
  /**
   * Milliseconds until an image that comes now would be done; 0 while nothing is known.
   * @param ahead images that wait before it
   */
  finishMs(ahead: number): number
  /** Milliseconds an image, at the rate of the sessions that are there with full batches; 0 while nothing is known. */
  eachMs(): number
  /** The largest batch that takes no longer than `ms`, at least 1; all that fit while nothing is known. */
  sizeWithin(ms: number): number
  /** An image of which `predictedMs` was foretold took `actualMs`, or was given up after that. */
  compare(predictedMs: number, actualMs: number): void
  /** `predictedMs` as it should be believed: what nearly all like it took. */
  surelyMs(predictedMs: number): number
}

/**
 * How much one more image moves the trust in forecasts: the last 100 or so count. Images of a batch
 * are late together, so fewer would be an average of a few batches.
 */
const trustWeight = 0.01
/** What is believed of forecasts before any was compared. */
const firstDeviation = 0.1
/** One image whose clock stopped must not close the door: no ratio counts for more. */
const maxRatio = 4
/**
 * Deviations above the mean that are allowed for. A full queue is filled until nothing more is
 * believed to be in time, so whatever exceeds this is late: of 1,700 images under ten times the
 * load (`npm run chaos -- --long --only "ten times"`) two would have let 13 % come too late, three
 * 4 %, four 0.5 %. It costs no throughput, only a shorter queue.
 */
const deviations = 4

/**
 * @param sessions how many batches can run at once at present: others may still load, or be replaced
 * @param maxBatchSize most images of a batch
 * @param warmUpMs what a full batch took before there were any clients; believed until the first of
 * theirs is done. Without it a crowd that is there at the start would all be let in.
 */
export function createForecast(
  sessions: () => number,
  maxBatchSize: number,
  warmUpMs = 0,
): Forecast {
  // duration = fixed + each * size, by exponentially weighted least squares over recent batches.
  let meanSize = maxBatchSize
  let meanMs = warmUpMs
  let sizeVariance = 0
  let covariance = 0
  let learned = false
  // Actual time over predicted time: its mean, and its mean absolute deviation.
  let meanRatio = 1
  let deviation = firstDeviation

  /** With none there, the first that comes back does the work. */
  const atOnce = () => Math.max(1, sessions())

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
    compare(predictedMs, actualMs) {
      if (predictedMs <= 0) return
      const ratio = Math.min(maxRatio, actualMs / predictedMs)
      deviation += trustWeight * (Math.abs(ratio - meanRatio) - deviation)
      meanRatio += trustWeight * (ratio - meanRatio)
    },
    eachMs: () => durationMs(maxBatchSize) / maxBatchSize / atOnce(),
    sizeWithin(ms) {
      let size = maxBatchSize
      while (size > 1 && durationMs(size) > ms) size -= 1
      return size
    },
    surelyMs: (predictedMs) => predictedMs * Math.max(1, meanRatio + deviations * deviation),
    finishMs(ahead) {
      const fullBatches = Math.floor(ahead / maxBatchSize)
      const own = durationMs((ahead % maxBatchSize) + 1)
      return (fullBatches * durationMs(maxBatchSize)) / atOnce() + own
    },
  }
}
