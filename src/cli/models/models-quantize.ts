// `models quantize`: an int8 version of a model, calibrated on a folder of images, and what that
// costs in agreement with fp32. The new version is never served unless somebody asks for it.
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { recipeOf } from '../../classification/recipe.ts'
import { cores, readConfig } from '../../config.ts'
import { inputStageOf, readServed } from '../../engines/onnxruntime/converted-model.ts'
import { type Quantization, quantizationFile } from '../../engines/onnxruntime/quantization.ts'
import { messageOf, UsageError } from '../../errors.ts'
import { createImaging } from '../../imaging/decoder-pool.ts'
import { convertGraph } from '../../onnx/convert.ts'
import type { ModelVersion } from '../../repository/repository.ts'
import { scanRepository } from '../../repository/scan.ts'
import { inOneLine } from '../one-line.ts'
import { wholeNumber } from '../option-forms.ts'
import { calibrate, calibrationMethod } from './calibrate.ts'
import { compareVersions, type VersionComparison } from './compare-versions.ts'
import { readManifest, versionsIn } from './install-model.ts'

interface QuantizeOptions {
  readonly calibrate: string
  readonly from?: number
  readonly images: number
  readonly repository?: string
}

/** Of the images, every fourth is kept out of the calibration, to see how it generalises. */
const heldOutEvery = 4
const leastImages = 8
const maxVersion = 999_999_999

export function modelsQuantizeCommand(): Command {
  return new Command('quantize')
    .description('make an int8 version of a model, and say what it costs in accuracy')
    .argument('<model>', 'its name in the repository')
    .requiredOption('--calibrate <folder>', 'images like those it will see; labels are not needed')
    .option(
      '--from <version>',
      'the version to start from (default: the highest of fp32)',
      wholeNumber(1, maxVersion),
    )
    .option(
      '--images <n>',
      'at most so many images of the folder',
      wholeNumber(leastImages, 100_000),
      256,
    )
    .option('--repository <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .action(
      inOneLine(async (model: string, options: QuantizeOptions) => {
        process.stdout.write(await quantize(model, options))
      }),
    )
}

async function quantize(model: string, options: QuantizeOptions): Promise<string> {
  const repository = resolve(options.repository ?? readConfig(process.env).modelRepository)
  const source = await sourceVersion(repository, model, options.from)
  const { preprocess, output } = source.manifest
  const { onnx, input } = convertGraph(await readServed({ model, folder: source.folder, output }), {
    model,
    output,
    inputStage: inputStageOf(preprocess),
  })
  const crops = await readCrops(options, recipeOf(preprocess, input))
  const heldOut = crops.filter((_, index) => index % heldOutEvery === heldOutEvery - 1)
  const calibration = crops.filter((crop) => !heldOut.includes(crop))
  const onProgress = (done: number, of: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\rcalibrating: ${done} of ${of} runs`)
    if (process.stderr.isTTY && done === of) process.stderr.write('\n')
  }
  const ranges = await calibrate({ model: onnx, crops: calibration, onProgress })
  const version = Math.max(...(await versionsIn(join(repository, model)))) + 1
  const quantization: Omit<Quantization, 'agreement'> = {
    format: 1,
    source: { version: source.version },
    calibration: { images: calibration.length, method: calibrationMethod },
    ranges,
  }
  const draft = join(repository, model, `.quantize-${process.pid}`)
  try {
    await cp(source.folder, draft, { recursive: true })
    await writeFile(join(draft, quantizationFile), JSON.stringify(quantization))
    const compared = await compareVersions(source, draft, { calibration, heldOut })
    const { agreement } = compared
    await writeFile(
      join(draft, quantizationFile),
      JSON.stringify({ ...quantization, agreement }, null, 1),
    )
    await rename(draft, join(repository, model, String(version)))
    await nameVersions(join(repository, model), { source: source.version, version })
    return report({ model, source: source.version, version }, compared)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function sourceVersion(
  repository: string,
  model: string,
  wanted: number | undefined,
): Promise<ModelVersion> {
  const { versions, problems } = await scanRepository(repository, [model])
  const isInt8 = await Promise.all(
    versions.map(async ({ folder }) => (await readdir(folder)).includes(quantizationFile)),
  )
  const sources = versions.filter((_, index) => !isInt8[index])
  const found = sources.find(({ version }) => version === (wanted ?? version))
  if (found !== undefined) return found
  const [problem] = problems
  if (problem !== undefined && versions.length === 0) throw new UsageError(problem.message)
  const numbers = sources.map(({ version }) => version).join(', ') || 'none'
  throw new UsageError(`${model} has no fp32 version ${wanted ?? ''}; there are: ${numbers}`)
}

/** Crops of the folder's images, in the order of their names. */
async function readCrops(
  { calibrate: folder, images }: QuantizeOptions,
  recipe: ReturnType<typeof recipeOf>,
): Promise<Uint8Array[]> {
  const { imageFormats, maxImagePixels } = readConfig(process.env)
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    throw new UsageError(`${folder} cannot be read: ${messageOf(error)}`)
  })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, path, name }) => join(parentPath ?? path, name))
  const imaging = createImaging({
    threads: cores(),
    maxPixels: maxImagePixels,
    formats: imageFormats,
  })
  const crops: Uint8Array[] = []
  let refused = ''
  for (const file of files.sort()) {
    if (crops.length === images) break
    try {
      const decoded = await imaging.decode(new Uint8Array(await readFile(file)), [recipe])
      crops.push(decoded.crops[0] as Uint8Array)
    } catch (error) {
      refused = `; the last that is none: ${file}: ${messageOf(error)}`
    }
  }
  await imaging.close()
  if (crops.length >= leastImages) return crops
  throw new UsageError(
    `${folder} has ${crops.length} images; at least ${leastImages} are needed, a hundred are better${refused}`,
  )
}

interface Versions {
  readonly source: number
  readonly version: number
}

/**
 * `int8` names the new version. Where the manifest names no default yet the `stable` version becomes it, so that a higher
 * number alone does not put int8 into service.
 */
async function nameVersions(folder: string, { source, version }: Versions): Promise<void> {
  const path = join(folder, 'model.json')
  const text = await readFile(path, 'utf8').catch(() => '{}')
  const before = await readManifest(folder, folder)
  const versions = { stable: source, ...before?.versions, int8: version }
  const byDefault = before?.default ?? 'stable'
  const temporary = join(folder, `.model.json.${process.pid}`)
  await mkdir(folder, { recursive: true })
  await writeFile(
    temporary,
    `${JSON.stringify({ ...JSON.parse(text), versions, default: byDefault }, null, 2)}\n`,
  )
  await rename(temporary, path)
}

function report(
  { model, source, version }: Versions & { model: string },
  compared: VersionComparison,
): string {
  const { agreement, engines, absent } = compared
  const line = (
    name: string,
    {
      images,
      sameTop1,
      meanDifference,
      largestDifference,
    }: VersionComparison['agreement']['heldOut'],
  ) =>
    `  ${name.padEnd(12)} ${images} images: same best class ${(sameTop1 * 100).toFixed(1)} %, ` +
    `probabilities differ by ${meanDifference.toExponential(1)} on average, ${largestDifference.toFixed(4)} at most\n`
  const speeds = engines.map(
    ({ engine, ratio, batchSize }) =>
      `  ${engine.padEnd(12)} ${ratio.toFixed(2)} times the images a second of fp32 (batches of ${batchSize})\n`,
  )
  return (
    `${model}: version ${version} is version ${source} in int8\n` +
    line('calibration', agreement.calibration) +
    line('held out', agreement.heldOut) +
    speeds.join('') +
    absent.map((reason) => `  not measured: ${reason}\n`).join('') +
    `  requests with version=int8 get it; to serve nothing else, start with PRECISION=int8\n`
  )
}
