// A network with weights -> a graph of TensorFlow operators: uint8 pixels in, logits and
// probabilities out.
import type { Graph, GraphNode, ValueRef } from '../graph/graph.ts'
import { float32Tensor, int32Tensor, type Tensor } from '../graph/tensor.ts'
import { type Block, type Convolution, describeNetwork, type NetworkSpec } from './network.ts'
import * as operator from './operators.ts'
import type { LayerWeights, NetworkWeights } from './weights.ts'

/**
 * The graph of `spec` with `weights`.
 * Input `images` uint8 [-1, imageSize, imageSize, 3], RGB; outputs `logits` and `probabilities`
 * float32 [-1, classes].
 */
export function buildResNet(spec: NetworkSpec, weights: NetworkWeights): Graph {
  const network = describeNetwork(spec)
  const build: Building = { nodes: [], spec, weights }
  const imageShape = [-1, spec.imageSize, spec.imageSize, 3]

  const images = add(build, 'images', operator.placeholder(imageShape)) // [-1, 224, 224, 3]
  let x = normalize(build, images)
  x = relu(build, 'stem/relu', convolve(build, network.stem, x)) // [-1, 112, 112, 64]
  x = stemPool(build, x) // [-1, 56, 56, 64]
  for (const block of network.blocks) x = addBlock(build, block, x)
  const logits = classify(build, x) // x is [-1, 7, 7, 512 or 2048]
  const probabilities = add(build, 'probabilities', operator.elementwise('Softmax', logits))

  const shape = [-1, spec.classes]
  return {
    nodes: build.nodes,
    inputs: [{ name: 'images', node: images.node, dtype: 'uint8', shape: imageShape }],
    outputs: [
      { name: 'logits', value: logits, dtype: 'float32', shape },
      { name: 'probabilities', value: probabilities, dtype: 'float32', shape },
    ],
  }
}

interface Building {
  readonly nodes: GraphNode[]
  readonly spec: NetworkSpec
  readonly weights: NetworkWeights
}

function add({ nodes }: Building, name: string, node: operator.Operator): ValueRef {
  nodes.push({ name, ...node })
  return { node: name, output: 0 }
}

function addConstant(build: Building, name: string, value: Tensor): ValueRef {
  return add(build, name, operator.constant(value))
}

/** (pixel / 255 - mean) / std of each channel, as one product and one difference. */
function normalize(build: Building, images: ValueRef): ValueRef {
  const { mean, std } = build.spec
  const scales = Float32Array.from(std, (value) => 1 / (255 * value))
  const offsets = Float32Array.from(std, (value, channel) => (mean[channel] as number) / value)
  const scale = addConstant(build, 'normalize/scale', float32Tensor([3], scales))
  const offset = addConstant(build, 'normalize/offset', float32Tensor([3], offsets))
  const pixels = add(build, 'normalize/cast', operator.bytesToFloats(images))
  const scaled = add(build, 'normalize/mul', operator.elementwise('Mul', pixels, scale))
  return add(build, 'normalize/sub', operator.elementwise('Sub', scaled, offset))
}

/** The branch and the shortcut, added, with the activations where the variant has them. */
function addBlock(build: Building, block: Block, x: ValueRef): ValueRef {
  const activatesSum = build.spec.variant === 'after-addition'
  const shortcut = block.shortcut === null ? x : convolve(build, block.shortcut, x)
  let branch = x
  for (const layer of block.branch) {
    branch = convolve(build, layer, branch)
    const waitsForSum = activatesSum && layer === block.branch.at(-1)
    if (!waitsForSum) branch = relu(build, `${layer.name}/relu`, branch)
  }
  const sum = add(build, `${block.name}/add`, operator.elementwise('AddV2', shortcut, branch))
  return activatesSum ? relu(build, `${block.name}/relu`, sum) : sum
}

/** A convolution and its bias, into which batch normalisation is folded. */
function convolve(build: Building, layer: Convolution, x: ValueRef): ValueRef {
  const { name, kernel, stride } = layer
  const weights = weightsOf(build.weights.convolutions.get(name), name)
  const kernels = addConstant(build, `${name}/kernel`, weights.kernel)
  const bias = addConstant(build, `${name}/bias`, weights.bias)
  const window = { kernel, stride, padding: paddingOf(build.spec, layer) }
  const product = add(build, name, operator.convolution(x, kernels, window))
  return add(build, `${name}/bias_add`, operator.addBias(product, bias))
}

/**
 * The published networks pad by (kernel - 1) / 2 on every side. At stride 1 TensorFlow's SAME does
 * too; at stride 2 it would pad one side only and shift the picture by a pixel.
 */
function paddingOf(spec: NetworkSpec, { kernel, stride }: Convolution): operator.Padding {
  if (spec.variant === 'before-addition' || stride === 1) return 'SAME'
  return kernel === 1 ? 'VALID' : (kernel - 1) / 2
}

/** Max-pooling 3×3 at stride 2. */
function stemPool(build: Building, x: ValueRef): ValueRef {
  const window = { kernel: 3, stride: 2 }
  if (build.spec.variant === 'before-addition') {
    return add(build, 'pool', operator.maxPool(x, { ...window, padding: 'SAME' }))
  }
  // Zeros instead of the minus infinity of a padded pooling: after ReLU nothing is below zero, so
  // the maximum is the same, and every engine knows Pad.
  const border = int32Tensor([4, 2], [0, 0, 1, 1, 1, 1, 0, 0])
  const paddings = addConstant(build, 'pool/paddings', border)
  const padded = add(build, 'pool/pad', operator.pad(x, paddings))
  return add(build, 'pool', operator.maxPool(padded, { ...window, padding: 'VALID' }))
}

/** Global average pooling and the dense layer: [-1, 7, 7, 512] -> [-1, classes]. */
function classify(build: Building, x: ValueRef): ValueRef {
  const { kernel, bias } = build.weights.classifier
  const axes = addConstant(build, 'average/axes', int32Tensor([2], [1, 2]))
  const features = add(build, 'average', operator.mean(x, axes)) // [-1, 512]
  const kernels = addConstant(build, 'classifier/kernel', kernel)
  const biases = addConstant(build, 'classifier/bias', bias)
  const product = add(build, 'classifier', operator.matMul(features, kernels))
  return add(build, 'logits', operator.addBias(product, biases))
}

function relu(build: Building, name: string, x: ValueRef): ValueRef {
  return add(build, name, operator.elementwise('Relu', x))
}

function weightsOf(found: LayerWeights | undefined, name: string): LayerWeights {
  if (found === undefined) throw new Error(`no weights for the convolution ${name}. This is a bug.`)
  return found
}
