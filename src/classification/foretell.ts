// How long an image would take that came now; and how well that was foretold, once it is known.
import { ServiceError } from '../errors.ts'
import type { Imaging } from '../imaging/imaging.ts'
import type { ServedModel } from './served-model.ts'

/**
 * Milliseconds until an image that comes now would be done. Images are decoded while others are
 * computed: the longer of the two queues is what is waited for.
 */
export function foretell({ version, forecast, inFlight }: ServedModel, imaging: Imaging): number {
  return Math.max(imaging.forecastMs(version.model), forecast.finishMs(inFlight))
}

/** Batches a session, one that runs and one that waits: with fewer images than that it may stand idle. */
const shortBatches = 2

/**
 * Whether so much waits that a session is never idle for want of another image. Less is told too
 * roughly to be judged by: a batch that runs may be half done or just begun.
 */
function isLong({ inFlight, options: { maxBatchSize, sessions } }: ServedModel): boolean {
  return inFlight >= shortBatches * maxBatchSize * sessions
}

/**
 * The same as it should be believed when an image is let in or refused. A long queue is believed
 * with a margin, so that nearly all that is let in is in time; a short one is not, since who refuses
 * there leaves sessions idle.
 */
export function surely(served: ServedModel, imaging: Imaging): number {
  const foretoldMs = foretell(served, imaging)
  return isLong(served) ? served.forecast.surelyMs(foretoldMs) : foretoldMs
}

/** Runs `work`, an image's way through a model, and tells the forecast how long it took in truth. */
export async function compared<Value>(
  served: ServedModel,
  foretoldMs: number,
  work: () => Promise<Value>,
): Promise<Value> {
  const startedAt = performance.now()
  const wasLong = isLong(served)
  const compare = () => {
    if (wasLong) served.forecast.compare(foretoldMs, performance.now() - startedAt)
  }
  try {
    const value = await work()
    compare()
    return value
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'deadline_exceeded') compare()
    throw error
  }
}
