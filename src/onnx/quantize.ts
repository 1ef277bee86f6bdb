// A converted graph computing in int8: weights a channel at a time, activations a tensor at a time,
// as pairs of QuantizeLinear and DequantizeLinear, which ONNX Runtime and OpenVINO fuse into their
// int8 kernels. https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
import { float32Tensor, float32Values, int32Tensor, type Tensor } from '../graph/tensor.ts'
import { int, type OnnxModel, type OnnxNode } from './model.ts'

// Whoever changes what ranges make of a graph changes `quantizeVersion` (versions.ts) too.

/** The values that an activation is taken to have; what lies outside is clipped. */
export interface Range {
  readonly low: number
  readonly high: number
}

/** By the activation's name in the converted graph. */
export type Ranges = Readonly<Record<string, Range>>

/** Steps between the smallest and the largest uint8, and the largest int8 of a symmetric weight. */
const activationSteps = 255
const largestWeight = 127
const largestInt32 = 2 ** 31 - 1

/** A node that runs in int8: its activations, and its weights where it has any. */
interface Quantized {
  readonly node: OnnxNode
  readonly activations: readonly string[]
  readonly weights?: { readonly name: string; readonly axis: number; readonly bias?: string }
}

/** Activations of a graph whose ranges must be known before it can be quantised. */
export function activationsOf(model: OnnxModel): readonly string[] {
  const quantized = quantizedNodes(model)
  const names = new Set(quantized.flatMap(({ activations }) => activations))
  for (const output of joiningOutputs(model, quantized)) names.add(output)
  return [...names]
}

/** @throws RangeError where the range of an activation is missing */
export function quantizeModel(model: OnnxModel, ranges: Ranges): OnnxModel {
  const quantized = new Map(quantizedNodes(model).map((one) => [one.node, one]))
  const names = new Set(activationsOf(model))
  const initializers = new Map(model.initializers)
  const pairs = new Map<string, readonly OnnxNode[]>()
  const scales = new Map<string, number>()
  for (const name of names) {
    const range = ranges[name]
    if (range === undefined) throw new RangeError(`the range of "${name}" is not known`)
    const { scale, zeroPoint } = stepsOf(range)
    scales.set(name, scale)
    pairs.set(name, activationPair(name, { scale, zeroPoint, initializers }))
  }
  const read = (input: string) => (pairs.has(input) ? dequantized(input) : input)
  const nodes = model.nodes.flatMap((node) => {
    const found = quantized.get(node)
    const own = found === undefined ? [] : quantizeWeights(found, { initializers, scales })
    const renamed = new Map(
      own.flatMap(({ from, node: { outputs } }) => [[from, outputs[0] as string]]),
    )
    const inputs = node.inputs.map((input) => renamed.get(input) ?? read(input))
    return [
      ...own.map((one) => one.node),
      { ...node, inputs },
      ...node.outputs.flatMap((output) => pairs.get(output) ?? []),
    ]
  })
  return { ...model, nodes, initializers }
}

function quantizedNodes(model: OnnxModel): Quantized[] {
  return model.nodes.flatMap((node) => {
    const found = node.op === 'Add' ? joining(node, model) : weighing(node, model)
    return found === null ? [] : [found]
  })
}

/** A sum of two activations, as at the end of a residual block. */
function joining(node: OnnxNode, { initializers }: OnnxModel): Quantized | null {
  const isConstant = node.inputs.some((input) => initializers.has(input))
  return isConstant ? null : { node, activations: node.inputs }
}

/** A product of an activation and weights. */
function weighing(node: OnnxNode, { initializers }: OnnxModel): Quantized | null {
  const axis = outputAxisOf(node)
  const [activation = '', name = '', bias = ''] = node.inputs
  const weights = initializers.get(name)
  if (axis === null || initializers.has(activation) || weights?.dtype !== 'float32') return null
  if (weights.shape.length !== (node.op === 'Conv' ? 4 : 2)) return null
  const hasBias = initializers.get(bias)?.dtype === 'float32'
  return { node, activations: [activation], weights: { name, axis, ...(hasBias && { bias }) } }
}

/** Which axis of the weights counts output channels; null for nodes that stay in float32. */
function outputAxisOf({ op, attributes }: OnnxNode): number | null {
  if (op === 'Conv') return 0
  if (op === 'MatMul') return 1
  if (op !== 'Gemm') return null
  const { transB, alpha, beta } = attributes
  const isPlain = [alpha, beta].every((one) => one === undefined || one.value === 1)
  return isPlain ? (transB?.value === 1 ? 0 : 1) : null
}

/**
 * Outputs of int8 nodes that others read. Without a pair of their own the kernels would have to give
 * floats; where a Relu follows, the pair behind it serves, since it clips as the Relu does.
 */
function joiningOutputs(model: OnnxModel, quantized: readonly Quantized[]): string[] {
  const readersOf = new Map<string, OnnxNode[]>()
  for (const node of model.nodes) {
    for (const input of node.inputs) readersOf.set(input, [...(readersOf.get(input) ?? []), node])
  }
  return quantized.flatMap(({ node }) => {
    const [output = ''] = node.outputs
    const readers = readersOf.get(output) ?? []
    const [only] = readers
    if (readers.length === 1 && only?.op === 'Relu') return only.outputs
    // The last layer's scores keep their precision.
    const isLast = readers.length === 0 || readers.every(({ op }) => op === 'Softmax')
    return isLast ? [] : [output]
  })
}

function stepsOf({ low, high }: Range): { readonly scale: number; readonly zeroPoint: number } {
  // Zero must be a step: padding is zero, and so is what a Relu cuts off.
  const [bottom, top] = [Math.min(low, 0), Math.max(high, 0)]
  const scale = Math.fround((top - bottom) / activationSteps || 1)
  return { scale, zeroPoint: Math.round(-bottom / scale) }
}

const dequantized = (name: string) => `${name}/uint8/float`

interface ActivationSteps {
  readonly scale: number
  readonly zeroPoint: number
  readonly initializers: Map<string, Tensor>
}

function activationPair(name: string, { scale, zeroPoint, initializers }: ActivationSteps) {
  const parameters = [`${name}/uint8/scale`, `${name}/uint8/zero_point`] as const
  initializers.set(parameters[0], float32Tensor([], Float32Array.of(scale)))
  initializers.set(parameters[1], { dtype: 'uint8', shape: [], bytes: Uint8Array.of(zeroPoint) })
  const quantized = `${name}/uint8`
  return [
    nodeOf('QuantizeLinear', [name, ...parameters], quantized),
    nodeOf('DequantizeLinear', [quantized, ...parameters], dequantized(name)),
  ]
}

function nodeOf(op: string, inputs: readonly string[], output: string): OnnxNode {
  return { name: output, op, inputs, outputs: [output], attributes: {} }
}

interface WeightContext {
  readonly initializers: Map<string, Tensor>
  readonly scales: ReadonlyMap<string, number>
}

/** The nodes that give a node's weights and bias back from their integers. */
function quantizeWeights(
  { node, activations, weights }: Quantized,
  { initializers, scales }: WeightContext,
): { readonly from: string; readonly node: OnnxNode }[] {
  if (weights === undefined) return []
  const { name, axis, bias } = weights
  const made = quantizeChannels(initializers.get(name) as Tensor, axis)
  const prefix = node.name
  const put = (suffix: string, tensor: Tensor) => {
    initializers.set(`${prefix}/int8/${suffix}`, tensor)
    return `${prefix}/int8/${suffix}`
  }
  const restore = (from: string, inputs: readonly string[], along: number) => ({
    from,
    node: {
      ...nodeOf('DequantizeLinear', inputs, `${inputs[0]}/float`),
      attributes: { axis: int(along) },
    },
  })
  const channels = made.scales.length
  const restored = [
    restore(
      name,
      [
        put('weights', made.tensor),
        put('weights_scale', float32Tensor([channels], made.scales)),
        put('weights_zero_point', {
          dtype: 'int8',
          shape: [channels],
          bytes: new Uint8Array(channels),
        }),
      ],
      axis,
    ),
  ]
  if (bias === undefined) return restored
  // The scale that products of activations and weights have: sums of them need no conversion.
  const activationScale = scales.get(activations[0] as string) as number
  const sumScales = made.scales.map((scale) => scale * activationScale)
  const integers = Array.from(float32Values(initializers.get(bias) as Tensor), (value, channel) =>
    clip(Math.round(value / (sumScales[channel] as number)), largestInt32),
  )
  const biasInputs = [
    put('bias_int32', int32Tensor([channels], integers)),
    put('bias_scale', float32Tensor([channels], sumScales)),
    put('bias_zero_point', int32Tensor([channels], new Array(channels).fill(0))),
  ]
  return [...restored, restore(bias, biasInputs, 0)]
}

/** int8 weights, symmetric around zero, with a scale a channel. */
function quantizeChannels(tensor: Tensor, axis: number) {
  const values = float32Values(tensor)
  const channels = tensor.shape[axis] as number
  const inner = tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1)
  const channelOf = (index: number) => Math.floor(index / inner) % channels
  const largest = new Float32Array(channels)
  for (let i = 0; i < values.length; i++) {
    const channel = channelOf(i)
    largest[channel] = Math.max(largest[channel] as number, Math.abs(values[i] as number))
  }
  const scales = largest.map((value) => value / largestWeight || 1)
  const integers = new Int8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const scale = scales[channelOf(i)] as number
    integers[i] = clip(Math.round((values[i] as number) / scale), largestWeight)
  }
  const bytes = new Uint8Array(integers.buffer)
  return { tensor: { dtype: 'int8', shape: tensor.shape, bytes } as const, scales }
}

function clip(value: number, limit: number): number {
  return Math.max(-limit, Math.min(limit, value))
}
