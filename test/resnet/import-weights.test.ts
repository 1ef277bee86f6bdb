import assert from 'node:assert/strict'
import test from 'node:test'
import { float32Tensor, float32Values, type Tensor } from '../../src/graph/tensor.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { fitSpec, importWeights } from '../../src/resnet/import-weights.ts'
import { convolutionsOf, type Network, publishedSpec } from '../../src/resnet/network.ts'
import {
  type Checkpoint,
  encodeSafetensors,
  readSafetensors,
} from '../../src/resnet/safetensors.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { smallNetwork } from '../support/small-network.ts'

const network = smallNetwork('resnet50')
const seeded = seededCheckpoint(network, 7)

/** torchvision's names -> Hugging Face's, spelt out here rather than taken from the code under test. */
function huggingFaceName(name: string): string {
  const stage = (group: string, block: string): string =>
    `resnet.encoder.stages.${Number(group) - 1}.layers.${block}`
  return name
    .replace(/^conv1\./, 'resnet.embedder.embedder.convolution.')
    .replace(/^bn1\./, 'resnet.embedder.embedder.normalization.')
    .replace(/^fc\./, 'classifier.1.')
    .replace(/^layer(\d)\.(\d+)\.downsample\.(\d)\./, (_, group, block, part) =>
      part === '0'
        ? `${stage(group, block)}.shortcut.convolution.`
        : `${stage(group, block)}.shortcut.normalization.`,
    )
    .replace(/^layer(\d)\.(\d+)\.(conv|bn)(\d)\./, (_, group, block, part, position) => {
      const layer = part === 'conv' ? 'convolution' : 'normalization'
      return `${stage(group, block)}.layer.${Number(position) - 1}.${layer}.`
    })
}

/** As PyTorch saves it: with a counter of steps in every batch normalisation. */
function withCounters(checkpoint: Checkpoint): Checkpoint {
  const counter: Tensor = { dtype: 'int64', shape: [], bytes: new Uint8Array(8) }
  const counters = [...checkpoint.keys()]
    .filter((name) => name.endsWith('.running_var'))
    .map((name) => [name.replace('running_var', 'num_batches_tracked'), counter] as const)
  return new Map([...checkpoint, ...counters])
}

function renamed(checkpoint: Checkpoint, rename: (name: string) => string): Checkpoint {
  return new Map([...checkpoint].map(([name, tensor]) => [rename(name), tensor]))
}

function changed(name: string, tensor: Tensor | null): Checkpoint {
  const rest = [...seeded].filter(([other]) => other !== name)
  return new Map(tensor === null ? rest : [...rest, [name, tensor]])
}

function graphOf(checkpoint: Checkpoint, of: Network = network) {
  const file = Buffer.concat(encodeSafetensors(checkpoint))
  return buildResNet(of.spec, importWeights(of, readSafetensors(file)))
}

const schemes: readonly [string, Checkpoint][] = [
  ['torchvision, with counters', withCounters(seeded)],
  ['timm, in another order', new Map([...seeded].reverse())],
  ['Hugging Face, with counters', renamed(withCounters(seeded), huggingFaceName)],
]

for (const [scheme, checkpoint] of schemes) {
  test(`a file with the names of ${scheme} gives the same graph`, () => {
    assert.deepEqual(graphOf(checkpoint), graphOf(seeded))
  })
}

test('weights without batch normalisation import with their biases', () => {
  const plain = smallNetwork('resnet34', 'before-addition')
  const checkpoint = seededCheckpoint(plain, 1)
  const expected = checkpoint.get('layer3.2.conv2.bias')
  const weights = importWeights(plain, renamed(checkpoint, huggingFaceName))
  assert.deepEqual(weights.convolutions.get('group3/block3/conv2')?.bias, expected)
})

test('a kernel turns from [out, in, height, width] to [height, width, in, out]', () => {
  const stem = seeded.get('conv1.weight')
  assert.ok(stem)
  const plain = smallNetwork('resnet34', 'before-addition')
  const { convolutions } = importWeights(plain, seededCheckpoint(plain, 7))
  const kernel = convolutions.get('stem')?.kernel
  assert.ok(kernel)
  assert.deepEqual(kernel.shape, [7, 7, 3, 4])
  const before = float32Values(stem) // the same seed and name, so the same numbers
  const after = float32Values(kernel)
  for (const [out, input, y, x] of [
    [3, 1, 2, 5],
    [0, 2, 6, 0],
  ] as const) {
    const from = ((out * 3 + input) * 7 + y) * 7 + x
    assert.equal(after[((y * 7 + x) * 3 + input) * 4 + out], before[from])
  }
})

test('a folded convolution does what a convolution and a batch normalisation do', () => {
  const value = (name: string): number => float32Values(seeded.get(name) as Tensor)[2] as number
  const { kernel, bias } = importWeights(network, seeded).convolutions.get('stem') ?? {}
  assert.ok(kernel && bias)
  const factor = value('bn1.weight') / Math.sqrt(value('bn1.running_var') + 1e-5)
  const kernels = float32Values(seeded.get('conv1.weight') as Tensor)
  // One input of 1 at the kernel's first place, in channel 2 of 4.
  const product = kernels[2 * 3 * 7 * 7] as number
  const expected = (product - value('bn1.running_mean')) * factor + value('bn1.bias')
  const folded = (float32Values(kernel)[2] as number) + (float32Values(bias)[2] as number)
  assert.ok(Math.abs(folded - expected) < 1e-6, `${folded} is not ${expected}`)
})

test('no two convolutions get the same weights', () => {
  const { convolutions } = importWeights(network, seeded)
  const kernels = new Set([...convolutions.values()].map(({ kernel }) => String(kernel.bytes)))
  assert.equal(kernels.size, convolutionsOf(network).length)
})

for (const dtype of ['float16', 'bfloat16'] as const) {
  test(`weights in ${dtype} are widened`, () => {
    const one = dtype === 'float16' ? 0x3c00 : 0x3f80
    const bytes = new Uint8Array(Uint16Array.of(...Array(10).fill(one)).buffer)
    const weights = importWeights(network, changed('fc.bias', { dtype, shape: [10], bytes }))
    assert.deepEqual([...float32Values(weights.classifier.bias)], Array(10).fill(1))
  })
}

test('filters and classes are read off the tensors', () => {
  const { filters, classes } = fitSpec(publishedSpec('resnet50'), renamed(seeded, huggingFaceName))
  assert.deepEqual({ filters, classes }, { filters: 4, classes: 10 })
})

const bias = (value: number): Tensor => float32Tensor([10], new Float32Array(10).fill(value))
const faults: readonly [string, Checkpoint, string, RegExp][] = [
  [
    'a missing tensor',
    changed('layer4.2.bn3.running_mean', null),
    'unsupported',
    /missing layer4\.2\.bn3\.running_mean$/,
  ],
  [
    'a tensor left over',
    new Map([...seeded, ['fc2.bias', bias(0)]]),
    'unsupported',
    /left over fc2\.bias$/,
  ],
  [
    'another shape',
    changed('fc.bias', float32Tensor([9], new Float32Array(9))),
    'unsupported',
    /of another shape fc\.bias \[9\] instead of \[10\]$/,
  ],
  [
    'the weights of ResNet34',
    seededCheckpoint(smallNetwork('resnet34'), 1),
    'unsupported',
    /not the weights of resnet50 .*missing layer1\.0\.downsample\.0\.weight.* and 82 more; of another shape/,
  ],
  [
    'no network of ours',
    new Map([['encoder.weight', bias(0)]]),
    'unsupported',
    /expected resnet\.embedder.* \(Hugging Face\) or conv1\.weight .*found encoder\.weight$/,
  ],
  ['an empty file', new Map(), 'unsupported', /found no tensor$/],
  [
    'a tensor of whole numbers',
    changed('fc.bias', { dtype: 'int32', shape: [10], bytes: new Uint8Array(40) }),
    'unsupported',
    /fc\.bias is int32; weights are read from float32, float16, bfloat16/,
  ],
  ['NaN', changed('fc.bias', bias(Number.NaN)), 'corrupt', /fc\.bias holds NaN/],
  [
    'a negative variance',
    changed('bn1.running_var', float32Tensor([4], Float32Array.of(1, 1, -1, 1))),
    'corrupt',
    /bn1\.running_var holds a negative variance/,
  ],
]

for (const [what, checkpoint, kind, message] of faults) {
  test(`${what} is refused by name`, () => {
    assert.throws(() => importWeights(network, checkpoint), { name: 'ModelError', kind, message })
  })
}
