// Where Pillow is, and how pillow.py is called.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../../../../', import.meta.url)

/** The environment that .ci/steps/10-engines makes, or whatever PYTHON names. */
export const python =
  process.env.PYTHON ?? fileURLToPath(new URL('.venv-tensorflow/bin/python', root))
export const script = fileURLToPath(new URL('test/conformance/pillow/pillow.py', root))

const folder = new URL('../shared/images/', root)
/** Undefined where the photographs are not there. */
export const photographs = existsSync(folder) ? fileURLToPath(folder) : undefined
