// Which output of a model is served, and whether its scores are probabilities or logits.
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import type { GraphNode, Shape, ValueRef } from '../graph/graph.ts'
import { classMapsOutput } from './class-maps.ts'
import { computedType } from './known.ts'

/** Operators that only rename, reshape, convert or choose from what they are given first. */
const transparent = new Set([
  ...['Identity', 'IdentityN', 'Reshape', 'Squeeze', 'ExpandDims', 'Transpose', 'Cast'],
  ...['StopGradient', 'StridedSlice', 'Slice', 'GatherV2'],
])

interface Output {
  readonly name: string
  readonly dtype: DataType
  readonly shape: Shape
}

/** @throws ModelError `unsupported` where no output or several could be meant */
export function selectOutput<Each extends Output>(
  { outputs }: { readonly outputs: readonly Each[] },
  model: string,
  wanted: string | null,
): Each {
  const named = (name: string) => outputs.find((output) => output.name === name)
  const found = outputs.map(({ name }) => name).join(', ')
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
  const candidates = outputs.length === 1 ? outputs : outputs.filter(mayBeScores)
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return only
  throw new ModelError(
    'unsupported',
    `model ${model}: cannot choose between its outputs ${found}; ` +
      'name one in the manifest, or call one "probabilities" or "logits".',
  )
}

/** Class numbers and names may stand beside the scores. */
function mayBeScores({ dtype, shape }: Output): boolean {
  return shape?.length === 2 && computedType(dtype) === 'float32'
}

/**
 * The outputs that have to be read: that which is served. Others may hold what no graph here can, such
 * as the names of classes.
 */
export function outputsToRead(
  outputs: readonly Output[],
  model: string,
  wanted: string | null,
): readonly string[] {
  if (wanted !== classMapsOutput) return [selectOutput({ outputs }, model, wanted).name]
  const scores = outputs.filter(mayBeScores)
  return (scores.length > 0 ? scores : outputs).map(({ name }) => name)
}

/** Operators behind which scores are certainly no probabilities. */
const unbounded = new Set(['MatMul', 'BiasAdd', 'Conv2D', 'LogSoftmax'])

/** Operators that put heads of a network beside each other, and how many of their inputs are none. */
const joining = new Map([
  ['ConcatV2', 1], // the axis
  ['Pack', 0],
])

type ScoreKind = 'probabilities' | 'logits' | null

/** Whether a value comes straight from softmaxes, sigmoids or layers; null where only a run can tell. */
export function scoreKind(nodes: ReadonlyMap<string, GraphNode>, value: ValueRef): ScoreKind {
  const node = nodes.get(value.node)
  if (node?.op === 'Softmax' || node?.op === 'Sigmoid') return 'probabilities'
  if (node === undefined || unbounded.has(node.op)) return 'logits'
  const others = joining.get(node.op)
  if (others !== undefined) {
    const heads = node.inputs.slice(0, node.inputs.length - others)
    const [kind = null, ...kinds] = heads.map((head) => scoreKind(nodes, head))
    return kinds.every((other) => other === kind) ? kind : null
  }
  const source = node.inputs[node.op === 'IdentityN' ? value.output : 0]
  if (source === undefined || !transparent.has(node.op)) return null
  return scoreKind(nodes, source)
}
