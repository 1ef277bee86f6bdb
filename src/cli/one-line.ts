// What a command cannot do for reasons outside the program is told in one line, without a stack.
import { ModelError, messageOf, UsageError } from '../errors.ts'
import { DownloadError } from './download-error.ts'

/** A command's action whose foreseeable failures are UsageErrors, which main.ts prints as a line. */
export function inOneLine<Arguments extends unknown[]>(
  action: (...given: Arguments) => Promise<void>,
): (...given: Arguments) => Promise<void> {
  return async (...given) => {
    try {
      await action(...given)
    } catch (error) {
      throw isForeseeable(error) ? new UsageError(messageOf(error), { cause: error }) : error
    }
  }
}

/** A model or a download that is wrong, or the operating system's no (full, missing, forbidden). */
function isForeseeable(error: unknown): boolean {
  if (error instanceof ModelError || error instanceof DownloadError) return true
  return error instanceof Error && 'syscall' in error && 'code' in error
}
