// Whether a repository holds models, all of them: what is looked at before every start.
import { readdir } from 'node:fs/promises'

/** Stands in the repository while it is being filled: a start that was cut off is taken up again. */
export const fillingMarker = '.filling'

export interface Holdings {
  /** Names of its models. */
  readonly models: readonly string[]
  /** It was being filled when that was cut off. */
  readonly isHalfFilled: boolean
}

/** @throws Error of the system where `repository` is no folder that can be read */
export async function holdingsOf(repository: string): Promise<Holdings> {
  const entries = await readdir(repository, { withFileTypes: true })
  return {
    models: entries
      .filter((entry) => !entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => name),
    isHalfFilled: entries.some((entry) => entry.name === fillingMarker),
  }
}
