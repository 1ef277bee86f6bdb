// ResNet34 and ResNet50, stated once: two blocks, one loop over the groups, a table of two rows.
// He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, https://arxiv.org/abs/1512.03385

export type NetworkName = 'resnet34' | 'resnet50'

/**
 * Where a block's activations stand.
 * - `after-addition`: the published networks. Batch normalisation after every convolution, ReLU
 *   between them and after the addition.
 * - `before-addition`: every convolution has a bias and a ReLU of its own, nothing follows the
 *   addition, there is no batch normalisation.
 */
export type BlockVariant = 'after-addition' | 'before-addition'

/** What to build; `publishedSpec` fills it in for the networks as published. */
export interface NetworkSpec {
  readonly network: NetworkName
  readonly variant: BlockVariant
  /** Filters of the stem and of the first group; each later group doubles them. */
  readonly filters: number
  readonly classes: number
  /** Height and width of the images, in pixels. */
  readonly imageSize: number
  /** Of each channel, of pixels scaled to 0…1. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

/** Where a convolution stands; groups, blocks and positions count from 0. */
export type Place =
  | { readonly part: 'stem' }
  | {
      readonly part: 'branch'
      readonly group: number
      readonly block: number
      readonly position: number
    }
  | { readonly part: 'shortcut'; readonly group: number; readonly block: number }

export interface Convolution {
  /** Unique in its network, e.g. `group1/block1/conv1`; what weights are kept under. */
  readonly name: string
  readonly place: Place
  /** Height and width of the kernel, in pixels. */
  readonly kernel: number
  readonly stride: number
  /** Channels in and out. */
  readonly inputs: number
  readonly outputs: number
}

/** A branch of convolutions, added to the block's input or to a projection of it. */
export interface Block {
  readonly name: string
  readonly branch: readonly Convolution[]
  /** The 1×1 projection where the input's shape is not the output's, else null. */
  readonly shortcut: Convolution | null
}

export interface Network {
  readonly spec: NetworkSpec
  readonly stem: Convolution
  readonly blocks: readonly Block[]
  /** The dense layer after global average pooling. */
  readonly classifier: { readonly inputs: number; readonly outputs: number }
}

/** One convolution of a branch, before it knows its place. */
type Step = Pick<Convolution, 'kernel' | 'stride' | 'outputs'>
type BlockFunction = (filters: number, stride: number, variant: BlockVariant) => readonly Step[]

/** The family as data: a block and how many of them each group has. */
const family: Record<NetworkName, { block: BlockFunction; blocks: readonly number[] }> = {
  resnet34: { block: residual, blocks: [3, 4, 6, 3] },
  resnet50: { block: bottleneck, blocks: [3, 4, 6, 3] },
}

export const networkNames = Object.keys(family) as readonly NetworkName[]

/** Means and deviations of ImageNet's training set, as every published ResNet uses them. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const

/** A network as it was published: 64 filters, 1000 classes, 224×224 pixels. */
export function publishedSpec(network: NetworkName): NetworkSpec {
  return {
    network,
    variant: 'after-addition',
    filters: 64,
    classes: 1000,
    imageSize: 224,
    ...imagenet,
  }
}

/** The layers of a network, without weights. */
export function describeNetwork(spec: NetworkSpec): Network {
  const { block, blocks: blocksOfGroups } = family[spec.network]
  const stem = {
    name: 'stem',
    place: { part: 'stem' },
    kernel: 7,
    stride: 2,
    inputs: 3,
    outputs: spec.filters,
  } as const
  const blocks: Block[] = []
  let channels = spec.filters
  for (const [group, count] of blocksOfGroups.entries()) {
    for (let index = 0; index < count; index++) {
      // The max-pooling before the first group has already halved the picture.
      const stride = group > 0 && index === 0 ? 2 : 1
      const steps = block(spec.filters * 2 ** group, stride, spec.variant)
      const made = placeBlock({ group, index, steps, inputs: channels, stride })
      channels = made.outputs
      blocks.push(made.block)
    }
  }
  return { spec, stem, blocks, classifier: { inputs: channels, outputs: spec.classes } }
}

/** Two 3×3 convolutions. */
function residual(filters: number, stride: number): readonly Step[] {
  return [
    { kernel: 3, stride, outputs: filters },
    { kernel: 3, stride: 1, outputs: filters },
  ]
}

/**
 * 1×1 to fewer channels, 3×3, 1×1 to four times as many. The published weights have the stride on
 * the 3×3 (also known as ResNet v1.5); the form without batch normalisation has it on the first.
 */
function bottleneck(filters: number, stride: number, variant: BlockVariant): readonly Step[] {
  const [first, middle] = variant === 'after-addition' ? [1, stride] : [stride, 1]
  return [
    { kernel: 1, stride: first, outputs: filters },
    { kernel: 3, stride: middle, outputs: filters },
    { kernel: 1, stride: 1, outputs: filters * 4 },
  ]
}

interface BlockPlace {
  readonly group: number
  readonly index: number
  readonly steps: readonly Step[]
  readonly inputs: number
  readonly stride: number
}

function placeBlock(at: BlockPlace): { block: Block; outputs: number } {
  const { group, index: block, steps, stride } = at
  const name = `group${group + 1}/block${block + 1}`
  let channels = at.inputs
  const branch = steps.map((step, position) => {
    const inputs = channels
    channels = step.outputs
    const place = { part: 'branch', group, block, position } as const
    return { ...step, name: `${name}/conv${position + 1}`, place, inputs }
  })
  const shapeChanges = stride !== 1 || at.inputs !== channels
  const shortcut: Convolution | null = shapeChanges
    ? {
        name: `${name}/shortcut`,
        place: { part: 'shortcut', group, block },
        kernel: 1,
        stride,
        inputs: at.inputs,
        outputs: channels,
      }
    : null
  return { block: { name, branch, shortcut }, outputs: channels }
}

/** Every convolution, in the order of computation. */
export function convolutionsOf(network: Network): readonly Convolution[] {
  return [
    network.stem,
    ...network.blocks.flatMap((block) =>
      block.shortcut === null ? block.branch : [block.shortcut, ...block.branch],
    ),
  ]
}

/** Whether batch normalisation follows each convolution; otherwise it has a bias. */
export function isNormalized(spec: NetworkSpec): boolean {
  return spec.variant === 'after-addition'
}

/**
 * How many numbers training learns, and how many are left after folding batch normalisation (whose
 * scale goes into the kernel and whose shift becomes the bias).
 */
export function countParameters(network: Network): { trained: number; folded: number } {
  const convolutions = convolutionsOf(network)
  const kernels = sum(convolutions.map((c) => c.kernel ** 2 * c.inputs * c.outputs))
  const channels = sum(convolutions.map((c) => c.outputs))
  const dense = (network.classifier.inputs + 1) * network.classifier.outputs
  const folded = kernels + channels + dense
  return { trained: isNormalized(network.spec) ? folded + channels : folded, folded }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
