// What `doctor` finds about the models: read whole, so that every checksum has been compared.
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseDefault } from '../../classification/default-model.ts'
import type { Config } from '../../config.ts'
import { readServed } from '../../engines/onnxruntime/converted-model.ts'
import { quantizationFile } from '../../engines/onnxruntime/quantization.ts'
import { messageOf } from '../../errors.ts'
import type { ModelVersion } from '../../repository/repository.ts'
import { scanRepository } from '../../repository/scan.ts'
import type { Finding } from './finding.ts'

type Settings = Pick<Config, 'modelRepository' | 'models' | 'defaultModel' | 'precision'>

export async function examineModels(config: Settings): Promise<readonly Finding[]> {
  let scan: Awaited<ReturnType<typeof scanRepository>>
  try {
    scan = await scanRepository(config.modelRepository, config.models)
  } catch (error) {
    if (await isMissing(config.modelRepository)) {
      return [{ level: 'note', text: 'the folder is not there', todo: howToFill }]
    }
    return [{ level: 'no', text: messageOf(error), todo: 'name a folder in MODEL_REPOSITORY' }]
  }
  const findings: Finding[] = scan.problems.map(({ message }) => ({ level: 'no', text: message }))
  for (const version of scan.versions) findings.push(await examineModel(version))
  if (scan.versions.length === 0) {
    // What is there and wrong is to be put right: nothing is filled in beside it.
    return findings.length > 0 ? findings : [{ level: 'note', text: 'none', todo: howToFill }]
  }
  const others = [
    ...examineDefault(scan.versions, config),
    ...examinePrecision(scan.versions, config),
  ]
  return [...findings, ...others]
}

/** Not where it is a file, or may not be looked at. */
async function isMissing(path: string): Promise<boolean> {
  return await stat(path).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
  )
}

const howToFill =
  '`serve` fills it at its first start; `models pull` downloads the published weights now'

async function examineModel({ model, version, folder, manifest }: ModelVersion): Promise<Finding> {
  const name = `${model}/${version}`
  try {
    const { nodes } = await readServed({ model, folder, output: manifest.output })
    const { kind } = manifest.weights
    // Only a checkpoint carries checksums; weights inside saved_model.pb have none.
    const checked = existsSync(join(folder, 'variables')) ? 'checksums right' : 'read whole'
    const text = `${name}: ${kind} weights, ${nodes.length} nodes, ${checked}`
    if (kind !== 'random') return { level: 'ok', text }
    return {
      level: 'note',
      text: `${text}: its answers mean nothing`,
      todo: `resnet-serving models pull ${model} (where it is one of the published networks)`,
    }
  } catch (error) {
    return {
      level: 'no',
      text: `${name}: ${messageOf(error)}`,
      todo: 'copy or build it again; the other models are served without it',
    }
  }
}

function examineDefault(
  versions: readonly ModelVersion[],
  { defaultModel: configured }: Settings,
): readonly Finding[] {
  const names = versions.map(({ model }) => model)
  const defaultModel = chooseDefault(configured, names)
  if (names.includes(defaultModel)) return []
  return [
    {
      level: 'note',
      text: `the default model is ${defaultModel}, which is not here: requests must name their model`,
      todo: `DEFAULT_MODEL=${versions[0]?.model}`,
    },
  ]
}

/** int8 is the one precision that has to be in the model, whatever the engine. */
function examinePrecision(
  versions: readonly ModelVersion[],
  { precision }: Settings,
): readonly Finding[] {
  if (precision !== 'int8') return []
  const isQuantised = ({ folder }: ModelVersion) => existsSync(join(folder, quantizationFile))
  const quantised = versions.filter(isQuantised).map(({ model }) => model)
  const names = new Set(
    versions.map(({ model }) => model).filter((name) => !quantised.includes(name)),
  )
  return [...names].map((name) => ({
    level: 'no',
    text: `PRECISION is int8, and no version of ${name} is quantised`,
    todo: `resnet-serving models quantize ${name}`,
  }))
}
