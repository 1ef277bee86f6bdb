// Which checkpoint key each variable has. TensorFlow runs the model's restore operation to fill its
// variables; here its assignments are read instead: every `Assign` or `AssignVariableOp` under it
// whose value comes from `RestoreV2` says key and variable. That is the same for resource variables,
// for TensorFlow 1's reference variables and for any naming, and is all that a session relies on.
import { ModelError } from '../errors.ts'
import type { NodeDef } from './generated/saved_model_pb.ts'
import type { GraphSource } from './graph-source.ts'
import { maxNodes } from './limits.ts'
import { type Place, runningWith } from './running.ts'
import { describeNode, type Scope, type Value } from './scope.ts'
import type { Tracer } from './trace.ts'

const referenceVariables = new Set(['Variable', 'VariableV2'])
const assignments = new Set(['Assign', 'AssignVariableOp'])

/** The variable that `value` is the content of, as the node that declares it; else `undefined`. */
export function variableReadBy(value: Value, tracer: Tracer): Value | undefined {
  // A handle that is read where it is used, as ResourceGather does: trace-graph.ts says by which.
  if (referenceVariables.has(value.node.op) || value.node.op === 'VarHandleOp') {
    return value
  }
  if (value.node.op !== 'ReadVariableOp') {
    return undefined
  }
  const handle = tracer.trace(value.scope, value.node.input[0] ?? '')
  if (handle.node.op !== 'VarHandleOp') {
    const found = describeNode(handle)
    throw new ModelError('unsupported', `${describeNode(value)} reads a variable from ${found}`)
  }
  return handle
}

/** What TensorFlow finds a variable by: several nodes may declare one variable. */
export function variableIdentity({ scope, node }: Place): string {
  const kind = node.op === 'VarHandleOp' ? 'resource' : 'reference'
  const name = textAttribute(node, 'shared_name') || scope.prefix + node.name
  return [kind, textAttribute(node, 'container'), name].join('\0')
}

/** What fills a variable: a tensor of the checkpoint, or the part of one that `slice` names. */
export interface CheckpointKey {
  readonly key: string
  /** RestoreV2's text for it; empty for all of it. */
  readonly slice: string
}

/** Checkpoint keys by variableIdentity. */
export function findCheckpointKeys(
  source: GraphSource,
  { main, tracer }: { readonly main: Scope; readonly tracer: Tracer },
  restoreOperation: string,
): ReadonlyMap<string, CheckpointKey> {
  const names = createNameLists(source, tracer)
  const keys = new Map<string, CheckpointKey>()
  for (const place of restoring(source, main, restoreOperation)) {
    const [target, value] = assignmentOf(place, tracer) ?? []
    if (target !== undefined && value?.node.op === 'RestoreV2') {
      keys.set(variableIdentity(target), names.keyOf(value))
    }
  }
  addCopies(keys, main, tracer)
  return keys
}

/** Every node that runs with the restore operation. */
function restoring(source: GraphSource, main: Scope, start: string): Generator<Place> {
  let nodes = 0
  const spend = () => {
    nodes += 1
    if (nodes > maxNodes) {
      throw new ModelError(
        'unsupported',
        `${source.path}: restoring the variables takes more than the allowed ${maxNodes} nodes`,
      )
    }
  }
  return runningWith({ source, spend }, main, [start])
}

function assignmentOf({ scope, node }: Place, tracer: Tracer): [Value, Value] | undefined {
  const [target, value] = node.input
  return assignments.has(node.op) && target !== undefined && value !== undefined
    ? [tracer.trace(scope, target), tracer.trace(scope, value)]
    : undefined
}

/**
 * Keras 3 under tf.saved_model.save declares each variable twice: functions read the first, and only
 * the second, initialised from the first, is restored. What the copy is restored to, the first was.
 */
function addCopies(keys: Map<string, CheckpointKey>, main: Scope, tracer: Tracer): void {
  for (const node of main.body.nodes.values()) {
    const [copy, value] = assignmentOf({ scope: main, node }, tracer) ?? []
    const first = value && variableReadBy(value, tracer)
    const key = copy && keys.get(variableIdentity(copy))
    if (first !== undefined && key !== undefined && !keys.has(variableIdentity(first))) {
      keys.set(variableIdentity(first), key)
    }
  }
}

interface NameLists {
  /** The key of the value that an output of RestoreV2 gives. */
  keyOf(restored: Value): CheckpointKey
}

/** RestoreV2 takes lists of names and of slices as string constants; each list is decoded once. */
function createNameLists(source: GraphSource, tracer: Tracer): NameLists {
  const lists = new Map<NodeDef, readonly string[]>()

  function list(restored: Value, input: number): readonly string[] {
    const { node } = tracer.trace(restored.scope, restored.node.input[input] ?? '')
    let texts = lists.get(node)
    if (texts === undefined) {
      texts = textsOf(node)
      lists.set(node, texts)
    }
    return texts
  }

  return {
    keyOf(restored) {
      const key = list(restored, 1)[restored.output]
      const slice = list(restored, 2)[restored.output] ?? ''
      if (key === undefined) {
        const where = describeNode(restored)
        throw new ModelError('corrupt', `${source.path}: ${where} names no tensor`)
      }
      return { key, slice }
    },
  }
}

function textsOf(node: NodeDef): readonly string[] {
  const value = node.op === 'Const' ? node.attr.value?.value : undefined
  const texts = value?.case === 'tensor' ? value.value.stringVal : []
  const decoder = new TextDecoder()
  return texts.map((text) => decoder.decode(text))
}

function textAttribute(node: NodeDef, name: string): string {
  const value = node.attr[name]?.value
  return value?.case === 's' ? new TextDecoder().decode(value.value) : ''
}
