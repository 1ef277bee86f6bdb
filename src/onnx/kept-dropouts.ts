// Dropout that keeps everything. TensorFlow 1 left it in graphs, told by a placeholder whose default is
// to keep all: random numbers from 0 to 1 are compared with a rate of 0, or rounded down after 1 was
// added. Whatever they are, the answer is one and the same, and stands here instead.
import type { Graph, GraphNode, ValueRef } from '../graph/graph.ts'
import { elementCount, float32Tensor, type Tensor } from '../graph/tensor.ts'
import { knownFromTensor } from './known.ts'

type Nodes = ReadonlyMap<string, GraphNode>

/** Deeper arithmetic than a rate of 1 minus a placeholder is none of a dropout's. */
const maxDepth = 8

export function withoutKeptDropouts(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === 'RandomUniform')) return graph
  const nodes = new Map(graph.nodes.map((node) => [node.name, node]))
  return { ...graph, nodes: graph.nodes.map((node) => decided(nodes, node)) }
}

/** The node, or the constant that it always gives. */
function decided(nodes: Nodes, node: GraphNode): GraphNode {
  const [a, b] = node.inputs
  if (node.op === 'GreaterEqual' && isRandom(nodes, a) && (numberOf(nodes, b) ?? 1) <= 0) {
    return constant(node, { dtype: 'bool', shape: [], bytes: Uint8Array.of(1) })
  }
  const sum = node.op === 'Floor' && a !== undefined ? nodes.get(a.node) : undefined
  return sum !== undefined && isOneMore(nodes, sum)
    ? constant(node, float32Tensor([], Float32Array.of(1)))
    : node
}

/** A random number from 1 to 2. */
function isOneMore(nodes: Nodes, { op, inputs: [a, b] }: GraphNode): boolean {
  if (op !== 'Add' && op !== 'AddV2') return false
  const isSum = (one: ValueRef | undefined, other: ValueRef | undefined) =>
    numberOf(nodes, one) === 1 && isRandom(nodes, other)
  return isSum(a, b) || isSum(b, a)
}

/** Whether a value is random from 0 to 1, as tf.random.uniform gives it: times 1 and plus 0. */
function isRandom(nodes: Nodes, value: ValueRef | undefined, depth = 0): boolean {
  const node = value && nodes.get(value.node)
  if (node === undefined || depth > maxDepth) return false
  if (node.op === 'RandomUniform') return true
  const neutral = node.op === 'Mul' ? 1 : 0
  if (node.op !== 'Mul' && node.op !== 'Add' && node.op !== 'AddV2') return false
  return isRandom(nodes, node.inputs[0], depth + 1) && numberOf(nodes, node.inputs[1]) === neutral
}

/** A number that is a constant, or a difference of two. */
function numberOf(nodes: Nodes, value: ValueRef | undefined, depth = 0): number | undefined {
  const node = value && nodes.get(value.node)
  if (node === undefined || depth > maxDepth) return undefined
  const tensor = node.attributes.value
  if (node.op === 'Const' && tensor?.kind === 'tensor' && elementCount(tensor.value.shape) === 1) {
    return knownFromTensor(tensor.value)?.elements[0]
  }
  const [a, b] = node.inputs
  if (node.op === 'Identity') return numberOf(nodes, a, depth + 1)
  const [left, right] = [a, b].map((input) => numberOf(nodes, input, depth + 1))
  if (node.op !== 'Sub' || left === undefined || right === undefined) return undefined
  return left - right
}

function constant({ name }: GraphNode, value: Tensor): GraphNode {
  return { name, op: 'Const', inputs: [], attributes: { value: { kind: 'tensor', value } } }
}
