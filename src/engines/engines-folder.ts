// Where engine libraries that npm does not carry are kept: the `setup` commands write here, the
// adapters look here.
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

type Environment = Readonly<Record<string, string | undefined>>

/** ENGINES_FOLDER, else `.engines` in the package's own folder: an absolute path. */
export function enginesFolder(environment: Environment = process.env): string {
  const chosen = environment.ENGINES_FOLDER
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  // Compiled, this file is <package>/dist/src/engines/engines-folder.js.
  return fileURLToPath(new URL('../../../.engines', import.meta.url))
}

/** The folder of one version of one engine's library, e.g. `.engines/openvino/2026.4.1`. */
export function engineFolder(engine: string, version: string, environment?: Environment): string {
  return join(enginesFolder(environment), engine, version)
}
