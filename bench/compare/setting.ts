// The model that all contenders serve, in the forms that they take: one version a repository, so that
// a server loads nothing that is not measured.
import { cp, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertedModel } from '../../src/engines/onnxruntime/converted-model.ts'
import type { Setting } from './contenders.ts'

interface SettingOptions extends Pick<Setting, 'model' | 'threads' | 'maxBatchSize' | 'device'> {
  readonly modelFolder: string
}

/** Copies the model to a temporary folder, and converts it. */
export async function describeSetting(options: SettingOptions): Promise<Setting> {
  const { modelFolder, model, ...rest } = options
  const manifest = JSON.parse(await readFile(join(modelFolder, 'model.json'), 'utf8'))
  // One version is copied, under no label.
  const { versions = {}, default: _label, ...shared } = manifest
  const scratch = await mkdtemp(join(tmpdir(), 'resnet-bench-'))
  const repositoryOf = async (name: string, version: number) => {
    const folder = join(scratch, name, model)
    await mkdir(folder, { recursive: true })
    await cp(join(modelFolder, String(version)), join(folder, '1'), { recursive: true })
    await writeFile(join(folder, 'model.json'), JSON.stringify(shared))
    return { repository: join(scratch, name), folder: join(folder, '1') }
  }
  const fp32 = await repositoryOf('fp32', versions.stable ?? 1)
  const { preprocess } = manifest
  const { source } = await convertedModel({
    model,
    folder: fp32.folder,
    cacheFolder: join(fp32.repository, model, '.cache/1'),
    normalization: preprocess,
    output: null,
    precision: 'fp32',
  })
  if (typeof source !== 'string') throw new Error(`${scratch} cannot be written to`)
  return {
    ...rest,
    model,
    scratch,
    repository: fp32.repository,
    savedModel: fp32.folder,
    onnxFile: source,
    resize: preprocess.resizeShortSide,
    filter: preprocess.interpolation,
    ...(versions.int8 !== undefined && { int8: await repositoryOf('int8', versions.int8) }),
  }
}
