// Class maps: where in an image a classifier sees each of its classes. A network that ends in global
// average pooling and one dense layer computes mean(x) · W + b; since both steps are linear, that is
// the mean of x · W over all places, plus b (Zhou et al., https://arxiv.org/abs/1512.04150). So a
// graph of that form gets one more output, x · W: a 1×1 convolution where the pooling was.
import { ModelError } from '../errors.ts'
import type { Attribute, Graph, GraphNode, ValueRef } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'

/** The output's name; float32 [batch, height * width * classes], rows from the top left. */
export const classMapsOutput = 'class_maps'

/** Operators between pooling, dense layer and output that change no number, or only all alike. */
const passedBy = new Set([
  ...['Identity', 'IdentityN', 'StopGradient', 'Reshape', 'Squeeze', 'Cast'],
  ...['Softmax', 'BiasAdd', 'Add', 'AddV2'],
])

/** @throws ModelError `unsupported` where the graph does not end in that way */
export function withClassMaps(graph: Graph, model: string): Graph {
  if (graph.outputs.some(({ name }) => name === classMapsOutput)) return graph
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  for (const output of graph.outputs) {
    const head = findHead(nodes, output.value)
    if (head !== undefined) return addMaps(graph, head)
  }
  throw new ModelError(
    'unsupported',
    `model ${model}: its outputs are not global average pooling over height and width followed by one dense layer.`,
  )
}

interface Head {
  /** What is pooled: [batch, height, width, channels]. */
  readonly features: ValueRef
  /** float32 [1, 1, channels, classes] */
  readonly kernel: Tensor
}

type Nodes = ReadonlyMap<string, GraphNode>

function findHead(nodes: Nodes, output: ValueRef): Head | undefined {
  const dense = passBy(nodes, output)
  const [pooled, weights] = dense?.inputs ?? []
  if (dense === undefined || pooled === undefined || weights === undefined) return undefined
  const kernel = kernelOf(dense, constantOf(nodes, weights))
  const pooling = passBy(nodes, pooled)
  const [features, axes] = pooling?.inputs ?? []
  if (kernel === undefined || pooling?.op !== 'Mean' || !features || !axes) return undefined
  return areHeightAndWidth(constantOf(nodes, axes)) ? { features, kernel } : undefined
}

/** The first node upwards that does something. */
function passBy(nodes: Nodes, value: ValueRef): GraphNode | undefined {
  const node = nodes.get(value.node)
  if (node === undefined || !passedBy.has(node.op)) return node
  const [first, second] = node.inputs
  if (node.op === 'IdentityN') return passBy(nodes, node.inputs[value.output] ?? value)
  const isConstant = (value: ValueRef | undefined) =>
    value !== undefined && constantOf(nodes, value) !== undefined
  const isSwapped = second !== undefined && isConstant(first)
  // Two layers that are added up: neither has the whole of the scores.
  if (isSum(node) && !isSwapped && !isConstant(second)) return node
  const next = isSwapped ? second : first
  return next === undefined ? undefined : passBy(nodes, next)
}

function isSum({ op }: GraphNode): boolean {
  return op === 'Add' || op === 'AddV2'
}

function constantOf(nodes: Nodes, { node: name }: ValueRef): Tensor | undefined {
  const node = nodes.get(name)
  const value = node?.attributes.value
  if (node?.op === 'Const' && value?.kind === 'tensor') return value.value
  const [source] = node?.inputs ?? []
  return node?.op === 'Identity' && source !== undefined ? constantOf(nodes, source) : undefined
}

/** The dense layer's weights as the kernel of a 1×1 convolution. */
function kernelOf({ op, attributes }: GraphNode, weights: Tensor | undefined): Tensor | undefined {
  if (weights?.dtype !== 'float32') return undefined
  const { shape } = weights
  if (op === 'MatMul' && shape.length === 2 && !isSet(attributes.transpose_a)) {
    const plain = isSet(attributes.transpose_b) ? transposed(weights) : weights
    return { ...plain, shape: [1, 1, ...plain.shape] }
  }
  const isPointwise = op === 'Conv2D' && shape.length === 4 && shape[0] === 1 && shape[1] === 1
  return isPointwise ? weights : undefined
}

function isSet(attribute: Attribute | undefined): boolean {
  return attribute?.kind === 'bool' && attribute.value
}

function transposed({ bytes, shape, ...rest }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape
  const from = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const to = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      to[column * rows + row] = from.getFloat32((row * columns + column) * 4, true)
    }
  }
  return { ...rest, shape: [columns, rows], bytes: new Uint8Array(to.buffer) }
}

/** [1, 2], also counted from the end. */
function areHeightAndWidth(axes: Tensor | undefined): boolean {
  if (axes?.dtype !== 'int32') return false
  const view = new DataView(axes.bytes.buffer, axes.bytes.byteOffset, axes.bytes.byteLength)
  const found = Array.from({ length: axes.bytes.byteLength / 4 }, (_, at) => {
    const axis = view.getInt32(at * 4, true)
    return axis < 0 ? axis + 4 : axis
  })
  return found.length === 2 && found.includes(1) && found.includes(2)
}

function addMaps(graph: Graph, { features, kernel }: Head): Graph {
  const weights: GraphNode = {
    name: `${classMapsOutput}/kernel`,
    op: 'Const',
    inputs: [],
    attributes: {
      dtype: { kind: 'type', value: 'float32' },
      value: { kind: 'tensor', value: kernel },
    },
  }
  const maps: GraphNode = {
    name: `${classMapsOutput}/convolution`,
    op: 'Conv2D',
    inputs: [features, { node: weights.name, output: 0 }],
    attributes: {
      T: { kind: 'type', value: 'float32' },
      strides: { kind: 'ints', value: [1, 1, 1, 1] },
      dilations: { kind: 'ints', value: [1, 1, 1, 1] },
      padding: { kind: 'string', value: 'VALID' },
      explicit_paddings: { kind: 'ints', value: [] },
      data_format: { kind: 'string', value: 'NHWC' },
    },
  }
  const value = { node: maps.name, output: 0 }
  return {
    ...graph,
    nodes: [...graph.nodes, weights, maps],
    outputs: [...graph.outputs, { name: classMapsOutput, value, dtype: 'float32', shape: null }],
  }
}
