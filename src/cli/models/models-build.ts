// `models build`: writes ResNet34 or ResNet50 as a SavedModel, from a file of weights or a seed.
import { createWriteStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Argument, Command, Option } from 'commander'
import { readConfig } from '../../config.ts'
import { ModelError, messageOf, UsageError } from '../../errors.ts'
import type { Interpolation, Weights } from '../../repository/manifest.ts'
import { fitSpec, namingSchemeOf } from '../../resnet/import-weights.ts'
import {
  type BlockVariant,
  describeNetwork,
  type NetworkName,
  type NetworkSpec,
  networkNames,
  publishedSpec,
} from '../../resnet/network.ts'
import { type Checkpoint, encodeSafetensors, readSafetensors } from '../../resnet/safetensors.ts'
import { seededCheckpoint } from '../../resnet/seeded-checkpoint.ts'
import { huggingFace } from '../../resnet/tensor-names.ts'
import { sha256Of } from '../download.ts'
import { inOneLine } from '../one-line.ts'
import { wholeNumber } from '../option-forms.ts'
import { buildModel } from './build-model.ts'
import { addressOf, publicSource, publishedWeights } from './published-weights.ts'

interface BuildOptions {
  readonly from?: string
  readonly seed?: number
  readonly variant: BlockVariant
  readonly as?: string
  readonly version?: number
  readonly replace: boolean
  readonly output?: string
  readonly labels?: string
  readonly filters: number
  readonly classes: number
  readonly imageSize: number
  readonly writeWeights?: string
}

/** Where the weights come from, as the manifest will say it. */
interface Source {
  readonly spec: NetworkSpec
  readonly checkpoint: Checkpoint
  readonly weights: Weights
  readonly interpolation: Interpolation
}

/** A file must fit into one buffer; twenty times the weights of a ResNet50. */
const maxFileBytes = 2 ** 31 - 1
const maxVersion = 999_999_999
/** Widths, classes and sizes beyond these are typing errors: they would fill the memory. */
const maxFilters = 512
const maxClasses = 100_000
const maxImageSize = 1024

export function modelsBuildCommand(): Command {
  return new Command('build')
    .description('write ResNet34 or ResNet50 as a SavedModel')
    .addArgument(new Argument('<network>').choices(networkNames))
    .option('--from <file>', 'weights: .safetensors with Hugging Face, torchvision or timm names')
    .addOption(
      new Option('--seed <n>', 'random weights, the same for the same number on every machine')
        .argParser(wholeNumber(0, 2 ** 32 - 1))
        .conflicts('from'),
    )
    .addOption(
      new Option('--variant <form>', 'where the blocks have their activations')
        .choices(['after-addition', 'before-addition'])
        .default('after-addition'),
    )
    .option('--as <name>', "the model's name in the repository (default: the network's)")
    .option('--version <n>', 'its version (default: the next)', wholeNumber(1, maxVersion))
    .option('--replace', 'remove what the repository holds under the name', false)
    .option('--output <folder>', 'the model repository (default: MODEL_REPOSITORY)')
    .option('--labels <file>', 'one label a line, where the classes are not those of ImageNet')
    .option('--filters <n>', 'with --seed: filters of the stem', wholeNumber(1, maxFilters), 64)
    .option('--classes <n>', 'with --seed: classes', wholeNumber(1, maxClasses), 1000)
    .option('--image-size <n>', 'height and width of the input', wholeNumber(1, maxImageSize), 224)
    .option('--write-weights <file>', 'with --seed: also write them as .safetensors')
    .action(
      inOneLine(async (network: NetworkName, options: BuildOptions) => {
        const source = await readSource(network, options)
        if (options.writeWeights !== undefined) {
          const parts = encodeSafetensors(source.checkpoint)
          await pipeline(Readable.from(parts), createWriteStream(options.writeWeights))
        }
        const line = await buildModel({
          ...source,
          repository: options.output ?? readConfig(process.env).modelRepository,
          name: options.as ?? network,
          version: options.version ?? null,
          replace: options.replace,
          labels: options.labels === undefined ? null : await readLabels(options.labels),
        })
        process.stdout.write(`${line}\n`)
      }),
    )
}

async function readSource(network: NetworkName, options: BuildOptions): Promise<Source> {
  const { from, seed, variant, filters, classes, imageSize, writeWeights } = options
  const spec = { ...publishedSpec(network), variant, filters, classes, imageSize }
  if (from !== undefined) {
    if (writeWeights !== undefined) throw new UsageError('--write-weights goes with --seed only')
    return await readFileSource(network, from, spec)
  }
  if (seed === undefined) {
    throw new UsageError(
      'no weights: say --from FILE.safetensors, or --seed N for random ones; `models pull` downloads the published ones',
    )
  }
  return {
    spec,
    checkpoint: seededCheckpoint(describeNetwork(spec), seed),
    weights: { kind: 'random', source: `seed ${seed}` },
    interpolation: 'bilinear',
  }
}

async function readFileSource(
  network: NetworkName,
  path: string,
  spec: NetworkSpec,
): Promise<Source> {
  const checkpoint = await readCheckpoint(path)
  const sha256 = await sha256Of(path)
  const published = publishedWeights[network]
  const weights: Weights =
    sha256 === published.sha256
      ? {
          kind: 'pretrained',
          source: addressOf(published, publicSource).href,
          sha256,
          licence: published.licence,
        }
      : { kind: 'custom', source: basename(path), sha256 }
  return {
    spec: fitSpec(spec, checkpoint),
    checkpoint,
    weights,
    // What Hugging Face's ResNets and torchvision's were evaluated with.
    interpolation: namingSchemeOf(checkpoint) === huggingFace ? 'bicubic' : 'bilinear',
  }
}

/**
 * The tensors of a .safetensors file.
 * @throws UsageError where it cannot be read, ModelError naming the file where it is not one
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`)
  })
  if (size > maxFileBytes) {
    throw new UsageError(`${path} has ${size} bytes, at most ${maxFileBytes} are allowed`)
  }
  try {
    return readSafetensors(await readFile(path))
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new ModelError(error.kind, `${path}: ${error.message}`, { cause: error })
  }
}

async function readLabels(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${messageOf(error)}`)
  })
  return text.trimEnd().split(/\r?\n/)
}
