// TensorFlow writes a dilated convolution as SpaceToBatchND -> convolution -> BatchToSpaceND (and
// a bias in between, at times). Here the three become one convolution with dilations, so that the
// batch stays what it is. https://www.tensorflow.org/api_docs/python/tf/nn/convolution
import type { Attribute, Graph, GraphNode } from '../graph/graph.ts'
import { knownFromTensor } from './known.ts'

const convolutions = new Set(['Conv2D', 'DepthwiseConv2dNative'])
const between = new Set(['BiasAdd', 'Identity'])

export function mergeDilations(graph: Graph): Graph {
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  for (const node of graph.nodes) {
    if (node.op === 'BatchToSpaceND') mergeOne(nodes, node)
  }
  return { ...graph, nodes: graph.nodes.map(({ name }) => nodes.get(name) as GraphNode) }
}

/** Rewrites the convolution before `last`, which then only passes its value on. */
function mergeOne(nodes: Map<string, GraphNode>, last: GraphNode): void {
  const convolution = convolutionBefore(nodes, last)
  const first = convolution && producer(nodes, convolution, 0)
  if (convolution === null || first?.op !== 'SpaceToBatchND') return
  const block = constantIntegers(nodes, first, 1)
  const paddings = constantIntegers(nodes, first, 2) // [2, 2]
  const crops = constantIntegers(nodes, last, 2) // [2, 2]
  if (block?.length !== 2 || paddings?.length !== 4 || crops?.length !== 4) return
  const explicit = paddings.map((size, i) => size - (crops[i] as number))
  if (explicit.some((size) => size < 0) || !runsOverAllPixels(convolution)) return
  nodes.set(convolution.name, {
    ...convolution,
    inputs: [first.inputs[0], ...convolution.inputs.slice(1)] as GraphNode['inputs'],
    attributes: {
      ...convolution.attributes,
      dilations: ints([1, ...block, 1]),
      padding: { kind: 'string', value: 'EXPLICIT' },
      explicit_paddings: ints([0, 0, ...explicit, 0, 0]),
    },
  })
  nodes.set(last.name, { ...last, op: 'Identity', inputs: last.inputs.slice(0, 1) })
}

function convolutionBefore(nodes: ReadonlyMap<string, GraphNode>, last: GraphNode) {
  let node = producer(nodes, last, 0)
  while (node !== undefined && between.has(node.op)) node = producer(nodes, node, 0)
  return node !== undefined && convolutions.has(node.op) ? node : null
}

/** The pattern is only that of a dilation where the convolution itself is plain. */
function runsOverAllPixels({ attributes }: GraphNode): boolean {
  const isOnes = (attribute: Attribute | undefined) =>
    attribute?.kind !== 'ints' || attribute.value.every((value) => value === 1)
  const { padding, strides, dilations, data_format: format } = attributes
  const isValid = padding?.kind === 'string' && padding.value === 'VALID'
  const isChannelsLast = format?.kind !== 'string' || format.value === 'NHWC'
  return isValid && isChannelsLast && isOnes(strides) && isOnes(dilations)
}

function producer(nodes: ReadonlyMap<string, GraphNode>, node: GraphNode, input: number) {
  const source = node.inputs[input]
  return source && nodes.get(source.node)
}

function constantIntegers(
  nodes: ReadonlyMap<string, GraphNode>,
  node: GraphNode,
  input: number,
): number[] | null {
  const source = producer(nodes, node, input)
  const value = source?.attributes.value
  if (source?.op !== 'Const' || value?.kind !== 'tensor') return null
  const known = knownFromTensor(value.value)
  return known && Array.from(known.elements)
}

function ints(value: readonly number[]): Attribute {
  return { kind: 'ints', value }
}
