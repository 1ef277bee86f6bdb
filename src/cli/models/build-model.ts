// Weights -> a model in the repository: what `models build`, `models pull` and the first start share.
import { UsageError } from '../../errors.ts'
import { builtInLabels, type Interpolation, type Weights } from '../../repository/manifest.ts'
import { buildResNet } from '../../resnet/build-graph.ts'
import { importWeights } from '../../resnet/import-weights.ts'
import { countParameters, describeNetwork, type NetworkSpec } from '../../resnet/network.ts'
import type { Checkpoint } from '../../resnet/safetensors.ts'
import { installModel, type NewModel } from './install-model.ts'

export interface ModelBuild extends Pick<NewModel, 'repository' | 'name' | 'version' | 'replace'> {
  readonly spec: NetworkSpec
  readonly checkpoint: Checkpoint
  /** What the manifest says of the weights. */
  readonly weights: Weights
  readonly interpolation: Interpolation
  /** One label a class; null takes ImageNet's for 1000 classes, else `class 0`, `class 1`, … */
  readonly labels: readonly string[] | null
}

const imagenetClasses = 1000
const labelsFile = 'labels.txt'
/** The usual evaluation recipe resizes the short side to 256 for a crop of 224. */
const shortSidePerCrop = 256 / 224

/**
 * Builds the network, folds and writes it.
 * @returns one line for people: what was written, and where
 */
export async function buildModel(build: ModelBuild): Promise<string> {
  const { spec, checkpoint, weights, interpolation, name } = build
  const network = describeNetwork(spec)
  const graph = buildResNet(spec, importWeights(network, checkpoint))
  const labels = labelsOf(build)
  const { mean, std } = spec
  const folder = await installModel({
    ...build,
    graph,
    manifest: {
      labels: labels === null ? builtInLabels : labelsFile,
      weights,
      preprocess: {
        resizeShortSide: Math.round(spec.imageSize * shortSidePerCrop),
        cropSize: spec.imageSize,
        interpolation,
        rescale: 1 / 255,
        mean,
        std,
      },
    },
    files: labels === null ? {} : { [labelsFile]: `${labels.join('\n')}\n` },
  })
  const { trained, folded } = countParameters(network)
  const counts = `${grouped(trained)} parameters (${grouped(folded)} folded)`
  return `${name}: ${weights.kind} weights, ${counts}, written to ${folder}`
}

function labelsOf({ labels, spec }: ModelBuild): readonly string[] | null {
  if (labels === null) {
    if (spec.classes === imagenetClasses) return null
    return Array.from({ length: spec.classes }, (_, index) => `class ${index}`)
  }
  if (labels.length !== spec.classes) {
    throw new UsageError(`${labels.length} labels for ${spec.classes} classes`)
  }
  return labels
}

function grouped(count: number): string {
  return count.toLocaleString('en-US')
}
