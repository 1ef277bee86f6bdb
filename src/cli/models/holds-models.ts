// Whether a repository holds models, all of them: what is looked at before every start.
import { readdir } from 'node:fs/promises'

/** Stands in the repository while it is being filled: a start that was cut off is taken up again. */
export const fillingMarker = '.filling'

export interface Holdings {
  readonly hasModels: boolean
  /** It was being filled when that was cut off. */
  readonly isHalfFilled: boolean
}

/** @throws Error of the system where `repository` is no folder that can be read */
export async function holdingsOf(repository: string): Promise<Holdings> {
  const entries = await readdir(repository, { withFileTypes: true })
  return {
    hasModels: entries.some((entry) => !entry.isFile() && !entry.name.startsWith('.')),
    isHalfFilled: entries.some((entry) => entry.name === fillingMarker),
  }
}
