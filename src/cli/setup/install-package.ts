// What the setup commands that only unpack libraries share: their options, and an installation with a
// progress bar.

import { createProgress } from '../progress.ts'
import { type EngineLibraries, installWheel } from './install-wheel.ts'

export interface SetupOptions {
  readonly wheel?: string
  readonly force?: boolean
}

/**
 * @param title before the progress bar
 * @returns the folder, and whether anything was written
 * @throws UsageError with what went wrong; the engines folder is as before then
 */
export function installPackage(
  libraries: EngineLibraries,
  { wheel, force = false }: SetupOptions,
  { title, say }: { readonly title: string; readonly say: (line: string) => void },
): ReturnType<typeof installWheel> {
  const progress = createProgress(title)
  return installWheel(libraries, {
    say,
    onProgress: progress.update,
    force,
    ...(wheel === undefined ? {} : { wheelFile: wheel }),
  }).finally(progress.stop)
}
