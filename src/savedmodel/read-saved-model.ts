// A SavedModel folder -> a graph: one signature, its functions inlined, its variables as constants
// (https://www.tensorflow.org/guide/saved_model). The way, file by file:
//   saved-model-file.ts  bytes -> messages, within limits
//   signatures.ts        which inputs and outputs
//   graph-source.ts      nodes, functions and operators by name
//   trace.ts             through calls and Identity nodes to where values come from
//   trace-graph.ts       the nodes that the outputs need
//   variables.ts         which checkpoint key fills which variable
//   tensor-bundle.ts     the checkpoint's tensors
import { join } from 'node:path'
import { ModelError, messageOf, StatefulModelError } from '../errors.ts'
import type {
  Attribute,
  Graph,
  GraphInput,
  GraphNode,
  GraphOutput,
  ValueRef,
} from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { changedBy } from './assignments.ts'
import type { MetaGraphDef } from './generated/saved_model_pb.ts'
import { createGraphSource, type GraphSource } from './graph-source.ts'
import { modelFileName, readServingGraph } from './saved-model-file.ts'
import { createMainScope, describeNode, type Scope } from './scope.ts'
import { chooseSignature, type Signature } from './signatures.ts'
import { readCheckpoint } from './tensor-bundle.ts'
import { cutSlice, parseSlice } from './tensor-slice.ts'
import { createTracer, type Tracer } from './trace.ts'
import { type Feeds, type TracedGraph, traceGraph, type VariableUse } from './trace-graph.ts'
import { type CheckpointKey, findCheckpointKeys } from './variables.ts'

export interface ReadOptions {
  /** Default: `serving_default`, or the only signature there is. */
  readonly signature?: string
  /** The only outputs of the signature to keep, with what they need. Default: all. */
  readonly outputs?: readonly string[] | OutputChoice
}

type OutputChoice = (outputs: Signature['outputs']) => readonly string[]

/**
 * The graph of one signature of the SavedModel in `folder` (which holds saved_model.pb). Large
 * constants may be views into one buffer, the file.
 * @throws ModelError `missing`, `corrupt` or `unsupported`, naming file, node and operator
 */
export async function readSavedModel(folder: string, options: ReadOptions = {}): Promise<Graph> {
  const metaGraph = await readServingGraph(folder)
  const path = join(folder, modelFileName)
  const signature = chooseSignature(metaGraph, path, options.signature)
  const source = createGraphSource(metaGraph, path)
  const main = createMainScope(source.main)
  const inputs = signature.inputs.map(inputOf)
  const feeds = createFeeds(main, signature, inputs)
  const tracer = createTracer(source, (value) => feeds.nameOf(value) !== undefined)
  const chosen = chooseOutputs(signature, path, options.outputs)
  const wanted = chosen.map(({ tensor }) => tracer.trace(main, tensor))
  const traced = traceGraph(source, { tracer, feeds }, wanted)
  const tensors = await readVariables(folder, traced, () => {
    refuseChangesAtLoad(metaGraph, source, { traced, main, tracer })
    return checkpointKeys(metaGraph, source, { main, tracer })
  })
  return {
    nodes: [
      ...placeholders(inputs),
      ...traced.nodes.map((node) => ('op' in node ? node : constant(node, tensors, path))),
    ],
    inputs,
    outputs: chosen.map(({ name, dtype, shape }, i): GraphOutput => {
      return { name, value: traced.outputs[i] as ValueRef, dtype, shape }
    }),
  }
}

function chooseOutputs(signature: Signature, path: string, choice: ReadOptions['outputs']) {
  const wanted = typeof choice === 'function' ? choice(signature.outputs) : choice
  const chosen = signature.outputs.filter(({ name }) => wanted?.includes(name) ?? true)
  if (chosen.length < (wanted?.length ?? 0)) {
    const found = signature.outputs.map(({ name }) => name).join(', ')
    throw new ModelError(
      'unsupported',
      `${path}: signature ${signature.name} has no outputs ${wanted?.join(', ')}; it has ${found}`,
    )
  }
  return chosen
}

/** A signature's input may be any tensor, usually the only output of a placeholder. */
function inputOf({ name, tensor, dtype, shape }: Signature['inputs'][0]): GraphInput {
  const [node = '', output = '0'] = tensor.split(':')
  return { name, node: output === '0' ? node : `${node}_${output}`, dtype, shape }
}

function createFeeds(main: Scope, signature: Signature, inputs: readonly GraphInput[]): Feeds {
  const names = new Map<string, string>()
  for (const [i, { tensor }] of signature.inputs.entries()) {
    const [node = '', output = '0'] = tensor.split(':')
    names.set(`${node}:${output}`, inputs[i]?.node ?? node)
  }
  return {
    names: [...names.values()],
    nameOf: ({ scope, node, output }) =>
      scope === main ? names.get(`${node.name}:${output}`) : undefined,
  }
}

/** One node each, though two inputs may be the same tensor. */
function placeholders(inputs: readonly GraphInput[]): readonly GraphNode[] {
  const byName = new Map(
    inputs.map(({ node, dtype, shape }) => {
      const attributes = {
        dtype: { kind: 'type', value: dtype },
        shape: { kind: 'shape', value: shape },
      } as const
      return [node, { name: node, op: 'Placeholder', inputs: [], attributes }]
    }),
  )
  return [...byName.values()]
}

function checkpointKeys(
  { saverDef }: MetaGraphDef,
  source: GraphSource,
  scope: { readonly main: Scope; readonly tracer: Tracer },
): ReadonlyMap<string, CheckpointKey> {
  if (!saverDef?.restoreOpName) {
    throw new ModelError(
      'unsupported',
      `${source.path}: it has variables, but no operation that restores them`,
    )
  }
  return findCheckpointKeys(source, scope, saverDef.restoreOpName)
}

/** Where TensorFlow's loader finds the operation that it runs after restoring the variables. */
const initializationSignature = '__saved_model_init_op'
const initializationCollections = ['saved_model_main_op', 'legacy_init_op']

function initializers({ signatureDef, collectionDef }: MetaGraphDef): readonly string[] {
  const signed = signatureDef[initializationSignature]?.outputs[initializationSignature]?.name
  const collected = initializationCollections.flatMap((name) => {
    return collectionDef[name]?.nodeList?.value ?? []
  })
  return signed ? [...collected, signed] : collected
}

/** @throws StatefulModelError where the model changes a variable that is needed when it is loaded */
function refuseChangesAtLoad(
  metaGraph: MetaGraphDef,
  source: GraphSource,
  { traced, ...places }: { traced: TracedGraph; main: Scope; tracer: Tracer },
): void {
  const changed = changedBy(source, places, initializers(metaGraph))
  for (const use of traced.nodes) {
    const change = 'identity' in use ? changed.get(use.identity) : undefined
    if (change === undefined) continue
    throw new StatefulModelError(
      `${source.path}: ${describeNode(change)} changes variable ${use.name} when the model is loaded; only variables that keep the checkpoint's values are supported, export the model without that operation`,
    )
  }
}

/** The tensors of a graph's variables, by the identity of the variable. */
async function readVariables(
  folder: string,
  { nodes }: TracedGraph,
  findKeys: () => ReadonlyMap<string, CheckpointKey>,
): Promise<ReadonlyMap<string, Tensor>> {
  const variables = nodes.filter((node): node is VariableUse => 'identity' in node)
  if (variables.length === 0) {
    return new Map()
  }
  const allKeys = findKeys()
  const keys = new Map(variables.map((use) => [use.identity, keyOf(use, allKeys, folder)]))
  const tensors = await readCheckpoint(folder, new Set([...keys.values()].map(({ key }) => key)))
  return new Map(
    [...keys].map(([identity, { key, slice }]) => {
      return [identity, partOf(tensors.get(key) as Tensor, slice, `${folder}: variable ${key}`)]
    }),
  )
}

function partOf(tensor: Tensor, slice: string, where: string): Tensor {
  try {
    const extents = parseSlice(slice)
    return extents === null ? tensor : cutSlice(tensor, extents)
  } catch (error) {
    throw new ModelError('corrupt', `${where}: ${messageOf(error)}`, { cause: error })
  }
}

function keyOf(
  use: VariableUse,
  keys: ReadonlyMap<string, CheckpointKey>,
  folder: string,
): CheckpointKey {
  const key = keys.get(use.identity)
  if (key === undefined) {
    throw new ModelError(
      'unsupported',
      `${join(folder, modelFileName)}: variable ${use.name} is not restored from the checkpoint`,
    )
  }
  return key
}

function constant(use: VariableUse, tensors: ReadonlyMap<string, Tensor>, path: string): GraphNode {
  const tensor = tensors.get(use.identity) as Tensor
  const { dtype, shape } = use.attributes
  if (!agrees(tensor, dtype, shape)) {
    throw new ModelError(
      'corrupt',
      `${path}: variable ${use.name} is declared as ${dtype?.value} [${shape?.value}], the checkpoint holds ${tensor.dtype} [${tensor.shape}]`,
    )
  }
  const attributes = {
    dtype: { kind: 'type', value: tensor.dtype },
    value: { kind: 'tensor', value: tensor },
  } as const
  return { name: use.name, op: 'Const', inputs: [], attributes }
}

/** Declarations may leave the shape open. */
function agrees(
  tensor: Tensor,
  dtype: Attribute | undefined,
  shape: Attribute | undefined,
): boolean {
  const declared = shape?.kind === 'shape' ? shape.value : null
  const sizesAgree =
    declared === null ||
    (declared.length === tensor.shape.length &&
      declared.every((size, i) => size === -1 || size === tensor.shape[i]))
  return sizesAgree && (dtype?.kind !== 'type' || dtype.value === tensor.dtype)
}
