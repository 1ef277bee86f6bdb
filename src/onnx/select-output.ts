// Which output of a model is served, and whether its scores are probabilities or logits.
import { ModelError } from '../errors.ts'
import type { Graph, GraphNode, GraphOutput, ValueRef } from '../graph/graph.ts'

/** Operators that only rename, reshape or convert what they are given. */
const transparent = new Set(['Identity', 'IdentityN', 'Reshape', 'Squeeze', 'Cast', 'StopGradient'])

/** @throws ModelError `unsupported` where no output or several could be meant */
export function selectOutput(graph: Graph, model: string, wanted: string | null): GraphOutput {
  const named = (name: string) => graph.outputs.find((output) => output.name === name)
  const found = graph.outputs.map(({ name }) => name).join(', ')
  if (wanted !== null) {
    const output = named(wanted)
    if (output !== undefined) return output
    throw new ModelError(
      'unsupported',
      `model ${model}: its manifest names the output "${wanted}", its signature has ${found}.`,
    )
  }
  const usual = named('probabilities') ?? named('logits')
  if (usual !== undefined) return usual
  const flat = graph.outputs.filter(({ shape }) => shape?.length === 2)
  const candidates = graph.outputs.length === 1 ? graph.outputs : flat
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return only
  throw new ModelError(
    'unsupported',
    `model ${model}: cannot choose between its outputs ${found}; ` +
      'name one in the manifest, or call one "probabilities" or "logits".',
  )
}

/** Operators behind which scores are certainly no probabilities. */
const unbounded = new Set(['MatMul', 'BiasAdd', 'Conv2D', 'LogSoftmax'])

/** Whether a value comes straight from a softmax, a sigmoid or a layer; null where only a run can tell. */
export function scoreKind(
  nodes: ReadonlyMap<string, GraphNode>,
  value: ValueRef,
): 'probabilities' | 'logits' | null {
  const node = nodes.get(value.node)
  if (node?.op === 'Softmax' || node?.op === 'Sigmoid') return 'probabilities'
  if (node === undefined || unbounded.has(node.op)) return 'logits'
  const source = node.inputs[node.op === 'IdentityN' ? value.output : 0]
  if (source === undefined || !transparent.has(node.op)) return null
  return scoreKind(nodes, source)
}
