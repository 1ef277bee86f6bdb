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

/** Runs `work`, an image's way through a model, and tells the forecast how long it took in truth. */
export async function compared<Value>(
  served: ServedModel,
  foretoldMs: number,
  work: () => Promise<Value>,
): Promise<Value> {
  const startedAt = performance.now()
  const compare = () => {
    // An idle service tells nothing of how well a queue is foretold.
    if (served.inFlight > 1) served.forecast.compare(foretoldMs, performance.now() - startedAt)
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
