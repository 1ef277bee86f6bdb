// What `npm run setup:tensorflow` left in the engines folder, as the adapter needs to know it:
// TensorFlow's libraries and the binding of @tensorflow/tfjs-node-gpu compiled against them.
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { enginesFolder } from '../engines-folder.ts'

export interface Installation {
  /** TensorFlow's version, e.g. `2.21.0`. */
  readonly version: string
  /** The Python package that the libraries came from: `tensorflow_cpu`, or `tensorflow`. */
  readonly source: string
  /** Whether it holds CUDA kernels. */
  readonly cuda: boolean
  /** Absolute path of the compiled binding. */
  readonly bindingPath: string
}

/** The folder's name in the engines folder. */
export const engineName = 'tensorflow'
/** Node-API versions only grow, so a binding made for 8 loads in every Node from 20 on. */
export const bindingNapiVersion = 8
/** Relative to the installation; the binding looks for its libraries in `../../deps/lib` from here. */
export const bindingFile = `lib/napi-v${bindingNapiVersion}/tfjs_binding.node`
export const librariesFolder = 'deps/lib'

/** The newest complete installation, or `null`. */
export async function findInstallation(
  environment?: Readonly<Record<string, string | undefined>>,
): Promise<Installation | null> {
  const folder = join(enginesFolder(environment), engineName)
  const versions = await readdir(folder).catch(() => [])
  const newestFirst = versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
  for (const version of newestFirst) {
    const installation = await readInstallation(join(folder, version))
    if (installation !== null) return installation
  }
  return null
}

/** `null` for a folder without a readable manifest or binding: an interrupted setup, or not ours. */
async function readInstallation(folder: string): Promise<Installation | null> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
    const bindingPath = join(folder, bindingFile)
    await access(bindingPath)
    const [source, , , , platform] = String(manifest.wheel.filename).split('-')
    if (source === undefined || platform === undefined) return null
    // Only the x86-64 wheel of the full package is built with CUDA.
    const cuda = source === 'tensorflow' && platform.includes('x86_64')
    return { version: String(manifest.version), source, cuda, bindingPath }
  } catch {
    return null
  }
}
