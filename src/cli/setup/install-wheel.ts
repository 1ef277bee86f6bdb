// Puts the libraries of a wheel into the engines folder: download, check, unpack, then one rename,
// so that an engine's folder is either complete or not there.
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineFolder } from '../../engines/engines-folder.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { sha256Of } from '../download.ts'
import { type FetchWheelOptions, fetchWheel, type Wheel } from './pypi-wheel.ts'
import { type Select, type UnpackedFile, unpackWheel } from './unpack-wheel.ts'

/** What to install. */
export interface EngineLibraries {
  /** The folder's name in the engines folder: `openvino`, `tensorflow`. */
  readonly engine: string
  readonly version: string
  readonly wheel: Wheel
  readonly select: Select
  /**
   * Works on the unpacked files before the folder is published, e.g. compiles against them.
   * @param content the folder they are in, with an absolute path
   * @returns what the manifest shall say: the files that are there in the end, and how they were made
   */
  readonly finish?: (
    content: string,
    unpacked: readonly UnpackedFile[],
  ) => Promise<Pick<InstalledManifest, 'files' | 'built'>>
}

export interface InstallOptions extends Omit<FetchWheelOptions, 'folder'> {
  /** A wheel that is on this machine already; it must be the pinned file too. */
  readonly wheelFile?: string
  /** Installs again even if what is there is intact. */
  readonly force?: boolean
  /** Where ENGINES_FOLDER is read from. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** `manifest.json` in an engine's folder: what was installed, from which file. */
interface InstalledManifest {
  readonly engine: string
  readonly version: string
  readonly wheel: Wheel
  readonly files: readonly UnpackedFile[]
  /** What else had a part in them: tools and packages with their versions. */
  readonly built?: Readonly<Record<string, string>>
}

const manifestName = 'manifest.json'

/**
 * Installs into `<engines folder>/<engine>/<version>/`, unless the same is there and intact.
 * @returns the folder, and whether anything was written
 * @throws UsageError with what went wrong; the engines folder is as before then
 */
export async function installWheel(
  libraries: EngineLibraries,
  options: InstallOptions = {},
): Promise<{ readonly folder: string; readonly installed: boolean }> {
  const { engine, version, wheel } = libraries
  const folder = engineFolder(engine, version, options.environment)
  if (!options.force && (await isIntact(folder, wheel))) return { folder, installed: false }
  const scratch = await makeScratch(folder)
  try {
    const path = options.wheelFile
      ? await checkedFile(options.wheelFile, wheel)
      : await fetchWheel(wheel, { ...options, folder: scratch })
    const content = join(scratch, 'content')
    await mkdir(content)
    const unpacked = await unpackWheel(path, content, libraries.select)
    if (unpacked.length === 0) throw new UsageError(`${wheel.filename} holds none of the libraries`)
    const finished = (await libraries.finish?.(content, unpacked)) ?? { files: unpacked }
    const manifest: InstalledManifest = { engine, version, wheel, ...finished }
    await writeFile(join(content, manifestName), `${JSON.stringify(manifest, null, 2)}\n`)
    await replace(folder, content, join(scratch, 'previous'))
    return { folder, installed: true }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Beside the target, so that the rename stays on one file system. */
async function makeScratch(folder: string): Promise<string> {
  try {
    await mkdir(join(folder, '..'), { recursive: true })
    return await mkdtemp(`${folder}.partial-`)
  } catch (error) {
    throw new UsageError(
      `cannot write to ${join(folder, '..')}: ${messageOf(error)}. ` +
        'Set ENGINES_FOLDER to a folder that you may write to (and set it for `serve` too).',
      { cause: error },
    )
  }
}

async function replace(folder: string, content: string, previous: string): Promise<void> {
  await rename(folder, previous).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(content, folder)
}

async function checkedFile(path: string, wheel: Wheel): Promise<string> {
  const found = await sha256Of(path).catch((error) => {
    throw new UsageError(`cannot read the wheel ${path}: ${messageOf(error)}`)
  })
  if (found === wheel.sha256) return path
  throw new UsageError(
    `${path} is not ${wheel.filename}: its SHA-256 is ${found}, expected ${wheel.sha256}`,
  )
}

/** Whether the folder holds this wheel's files, each with the hash it was unpacked with. */
async function isIntact(folder: string, wheel: Wheel): Promise<boolean> {
  try {
    const text = await readFile(join(folder, manifestName), 'utf8')
    const manifest = JSON.parse(text) as InstalledManifest
    if (manifest.wheel.sha256 !== wheel.sha256) return false
    for (const file of manifest.files) {
      if ((await sha256Of(join(folder, file.path))) !== file.sha256) return false
    }
    return true
  } catch {
    // Absent or damaged, in whatever way: it is installed anew.
    return false
  }
}
