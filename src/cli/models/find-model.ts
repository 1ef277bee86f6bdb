// The model that a command is about: a name in the repository, or the folder of a SavedModel.
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { readConfig } from '../../config.ts'
import type { LoadRequest } from '../../engines/engine.ts'
import { ModelError } from '../../errors.ts'
import type { Manifest } from '../../repository/manifest.ts'
import { defaultManifest } from '../../repository/manifest.ts'
import { scanRepository } from '../../repository/scan.ts'

export interface FoundModel {
  readonly name: string
  /** Absolute path of the folder that holds saved_model.pb. */
  readonly folder: string
  readonly manifest: Manifest
}

/** What a model gets that takes any size, where its manifest names none. */
const usualCropSize = 224

/**
 * @param model `name`, `name/version`, or a path with a slash to a SavedModel's folder
 * @throws ModelError missing, where there is none
 */
export async function findModel(model: string, output: string | undefined): Promise<FoundModel> {
  const path = resolve(model)
  if (await holdsModel(path)) return await besideManifest(path)
  if (await holdsModel(join(path, '1'))) return await besideManifest(join(path, '1'))
  const [name = '', version] = model.split('/')
  const root = output ?? readConfig(process.env).modelRepository
  const { versions, problems } = await scanRepository(root, [name])
  const found = versions.find((each) => version === undefined || String(each.version) === version)
  if (found !== undefined) return { name, folder: found.folder, manifest: found.manifest }
  const why = problems.map(({ message }) => message).join('; ') || `it has no version ${version}`
  throw new ModelError('missing', `${model} is no folder with a SavedModel, and ${why}`)
}

/** A version folder in a model's folder: what the manifest beside it says holds. */
async function besideManifest(folder: string): Promise<FoundModel> {
  const model = dirname(folder)
  const name = basename(model)
  const scan = await scanRepository(dirname(model), [name]).catch(() => null)
  const found = scan?.versions.find((each) => each.folder === folder)
  return { name, folder, manifest: found?.manifest ?? defaultManifest }
}

async function holdsModel(folder: string): Promise<boolean> {
  const files = ['saved_model.pb', 'saved_model.pbtxt'].map((name) => stat(join(folder, name)))
  return (await Promise.allSettled(files)).some(({ status }) => status === 'fulfilled')
}

/** How the service would load it on the CPU, with nothing kept. */
export function requestFor({ name, folder, manifest }: FoundModel, threads: number): LoadRequest {
  return {
    model: name,
    folder,
    cacheFolder: null,
    normalization: manifest.preprocess,
    openSize: manifest.preprocess.cropSize ?? usualCropSize,
    device: 'cpu',
    precision: 'fp32',
    threads,
    maxBatchSize: 8,
    output: manifest.output,
  }
}
