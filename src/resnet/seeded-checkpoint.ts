// Random weights from a seed, in torchvision's names and layout: the same numbers on every machine,
// because they are made with +, -, ×, ÷ and the square root alone, which IEEE 754 rounds exactly.
import { float32Tensor, type Tensor } from '../graph/tensor.ts'
import { expectedShapes } from './import-weights.ts'
import { type Convolution, convolutionsOf, isNormalized, type Network } from './network.ts'
import { createRandom, type Random } from './random.ts'
import type { Checkpoint } from './safetensors.ts'
import { normalizationTensors, torchvision } from './tensor-names.ts'

/**
 * How much a block's branch adds to its shortcut. With 1, sixteen additions would let activations
 * grow without end; with this, those of the last group stay near the first's.
 */
const branchGain = 0.5

/** The spread of the logits, so that the probabilities of a picture differ visibly. */
const logitGains = { 'after-addition': 8, 'before-addition': 2 } as const

/**
 * A checkpoint of `network` that differs with `seed` (an unsigned 32-bit integer): He's
 * initialisation (https://arxiv.org/abs/1502.01852, uniform form) and batch-normalisation
 * statistics near those that such kernels produce.
 */
export function seededCheckpoint(network: Network, seed: number): Checkpoint {
  const shapes = expectedShapes(network)
  const tensors = new Map<string, Tensor>()
  const fill = (name: string, values: (count: number, random: Random) => Float32Array): void => {
    const shape = shapes.get(name)
    if (shape === undefined) throw new Error(`no tensor is called ${name}. This is a bug.`)
    const count = shape.reduce((product, size) => product * size, 1)
    tensors.set(name, float32Tensor(shape, values(count, createRandom(seed, name))))
  }

  const lasts = new Set(network.blocks.map((block) => block.branch.at(-1)))
  for (const layer of convolutionsOf(network)) {
    const names = torchvision.prefixesOf(layer.place)
    const gain = lasts.has(layer) ? branchGain : 1
    const normalized = isNormalized(network.spec)
    const fanIn = layer.kernel ** 2 * layer.inputs
    fill(`${names.convolution}.weight`, (count, random) =>
      kernels(count, { random, fanIn, gain: normalized ? 1 : gain }),
    )
    if (normalized) {
      for (const [part, [low, high]] of Object.entries(statisticsOf(layer, gain))) {
        const name = normalizationTensors[part as keyof typeof normalizationTensors]
        fill(`${names.normalization}.${name}`, (count, random) => between(count, low, high, random))
      }
    } else {
      fill(`${names.convolution}.bias`, (count, random) => between(count, -0.1, 0.1, random))
    }
  }
  const { classifier } = torchvision
  const fanIn = network.classifier.inputs
  fill(`${classifier}.weight`, (count, random) =>
    kernels(count, { random, fanIn, gain: logitGains[network.spec.variant] }),
  )
  fill(`${classifier}.bias`, (count, random) => between(count, -0.1, 0.1, random))
  return tensors
}

type Range = readonly [low: number, high: number]

/** Ranges of what batch normalisation would have learnt and counted after such a convolution. */
function statisticsOf(layer: Convolution, gain: number): Record<string, Range> {
  // A first convolution and a shortcut read the sum of the blocks before, the others one ReLU.
  const { place } = layer
  const readsSum = place.part === 'shortcut' || (place.part === 'branch' && place.position === 0)
  return {
    scale: [0.8 * gain, 1.2 * gain],
    shift: [-0.2 * gain, 0.2 * gain],
    mean: [-0.1, 0.1],
    variance: readsSum ? [1, 2] : [0.5, 1],
  }
}

interface KernelOptions {
  readonly random: Random
  /** Numbers that one output sums over. */
  readonly fanIn: number
  readonly gain: number
}

/**
 * He's kernels, of which each output's numbers sum to zero: what all inputs have in common then
 * cancels out, else ReLUs would make the answers of different pictures more alike layer by layer.
 */
function kernels(count: number, { random, fanIn, gain }: KernelOptions): Float32Array {
  const bound = gain * Math.sqrt(6 / fanIn) // uniform in ±bound has the variance 2 / fanIn
  const values = between(count, -bound, bound, random)
  for (let start = 0; start < count; start += fanIn) {
    const output = values.subarray(start, start + fanIn)
    const mean = output.reduce((sum, value) => sum + value, 0) / fanIn
    output.forEach((value, index) => {
      output[index] = value - mean
    })
  }
  return values
}

function between(count: number, low: number, high: number, random: Random): Float32Array {
  const values = new Float32Array(count)
  for (let index = 0; index < count; index++) values[index] = low + (high - low) * random()
  return values
}
