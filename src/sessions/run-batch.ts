// Runs a batch to an outcome for every crop, whatever its session does: what a session took with it
// is tried again one crop at a time, and a crop that ends its session again is refused.
import { ServiceError } from '../errors.ts'
import type { Grant } from './allocator.ts'
import type { CropOutcome } from './outcomes.ts'
import { RunFailedError, SessionEndedError } from './session-end.ts'
import type { RunOptions } from './watchdog.ts'

/** Sessions that a crop may end before it is refused. */
const maxDeaths = 2
/**
 * The same where somebody outside killed them: a crop can crash native code, but it cannot send
 * SIGKILL, so one more coincidence is allowed before it is blamed.
 */
const maxDeathsFromOutside = 3

/** What a client is told to wait before it tries again, in seconds. */
const retryAfterS = 1

export interface Rescue {
  /** A session for a crop that is tried again. */
  readonly takeAnother: () => Promise<Grant>
  /** A session takes suspiciously long. */
  readonly onSlow: (grant: Grant) => void
}

/**
 * Runs `crops` on the granted session and gives the grant back.
 * @returns one outcome a crop, in order; never rejects for what a session or an engine does
 */
export async function runBatch(
  crops: readonly Uint8Array[],
  grant: Grant,
  rescue: Rescue,
): Promise<readonly CropOutcome[]> {
  if (crops.length === 0) {
    grant.giveBack()
    return []
  }
  try {
    const scores = await runOn(grant, crops, { isAgain: false, onSlow: () => rescue.onSlow(grant) })
    return scores.map((value) => ({ ok: true, value }))
  } catch (error) {
    if (error instanceof RunFailedError && crops.length === 1) return [sessionFailed(error)]
    if (!(error instanceof RunFailedError || error instanceof SessionEndedError)) throw error
    const deaths = error instanceof SessionEndedError ? 1 : 0
    return Promise.all(crops.map((crop) => runAlone(crop, deaths, rescue)))
  }
}

/** @param deaths sessions that ended with this crop in flight so far */
async function runAlone(crop: Uint8Array, deaths: number, rescue: Rescue): Promise<CropOutcome> {
  try {
    const grant = await rescue.takeAnother()
    const options = { isAgain: true, onSlow: () => rescue.onSlow(grant) }
    const [value] = await runOn(grant, [crop], options)
    if (value === undefined) throw new Error('a batch of one has no scores. This is a bug.')
    return { ok: true, value }
  } catch (error) {
    if (!(error instanceof SessionEndedError)) return sessionFailed(error)
    const allowed = error.end.fromOutside ? maxDeathsFromOutside : maxDeaths
    if (deaths + 1 >= allowed) return imageRefused(error)
    return runAlone(crop, deaths + 1, rescue)
  }
}

async function runOn(
  { session, isAlone, giveBack }: Grant,
  crops: readonly Uint8Array[],
  options: Omit<RunOptions, 'isAlone'>,
) {
  try {
    return await session.run(crops, { ...options, isAlone: isAlone() })
  } finally {
    giveBack()
  }
}

function imageRefused(cause: SessionEndedError): CropOutcome {
  const message =
    'this image repeatedly ended the session that was classifying it; it will not be tried again'
  return { ok: false, error: new ServiceError('image_refused', message, { cause }) }
}

function sessionFailed(cause: unknown): CropOutcome {
  const message = 'the session that was classifying this image failed; try again'
  return {
    ok: false,
    error: new ServiceError('session_failed', message, { cause, retryAfterS }),
  }
}
