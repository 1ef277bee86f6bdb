// One process at a time fills a repository: replicas that start together on one empty volume would
// write into the same download, and put models in the place of those that a neighbour serves already.
import { join } from 'node:path'

/** A folder in the repository, whose time its holder renews; no scan looks at it. */
const lockName = '.filling.lock'
/** A holder that ended without a word keeps the others waiting this long. */
const staleMs = 30_000
/** Building a network keeps the event loop busy for seconds at a time. */
const renewMs = 5_000
const lookAgainMs = 1_000

/**
 * Waits until nobody else fills `repository`.
 * @param onWait told once, where somebody does
 * @returns what ends the lock
 * @throws Error of the system where the folder cannot be written
 */
export async function lockFilling(
  repository: string,
  onWait: () => void,
): Promise<() => Promise<void>> {
  const { lock } = await import('proper-lockfile')
  const options = {
    lockfilePath: join(repository, lockName),
    stale: staleMs,
    update: renewMs,
    // Whoever believes us dead fills too. That costs time and spoils nothing: files come by renames.
    onCompromised: () => {},
  }
  const acquire = async (more = {}) => {
    const unlock = await lock(repository, { ...options, ...more })
    return () => unlock().catch(() => {}) // somebody who believed us dead has it: then it is not ours
  }
  try {
    return await acquire()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
  }
  onWait()
  const retries = { forever: true, factor: 1, minTimeout: lookAgainMs, maxTimeout: lookAgainMs }
  return await acquire({ retries })
}
