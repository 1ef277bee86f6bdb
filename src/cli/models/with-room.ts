// A disk that is full while models are written, told by its folder and by what they take: the system
// names neither.
import { statfs } from 'node:fs/promises'
import { ModelError } from '../../errors.ts'

const bytesPerMb = 1e6
/** A SavedModel of the larger network and its converted graph; half of that again while it is downloaded. */
const neededMb = 300

/**
 * Does `work`, which writes published networks into `repository`.
 * @throws ModelError `missing` where there is no room for them
 */
export async function withRoom<Result>(
  repository: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error
    const { bavail, bsize } = await statfs(repository)
    const free = `${((bavail * bsize) / bytesPerMb).toFixed(0)} MB are free`
    const advice = `each network takes up to ${neededMb} MB: make room, or name another folder in MODEL_REPOSITORY`
    throw new ModelError(
      'missing',
      `model repository ${repository}: its disk is full (${code}; ${free}); ${advice}`,
      { cause: error },
    )
  }
}
