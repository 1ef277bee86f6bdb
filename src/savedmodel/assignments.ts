// Variables that the model itself changes, while it is loaded or while it serves. Here they are constants
// of the checkpoint, which is right as long as nobody reads what was assigned.
import { ModelError, StatefulModelError } from '../errors.ts'
import type { GraphSource } from './graph-source.ts'
import { maxTraceSteps } from './limits.ts'
import { nodeName, type Place, runningWith } from './running.ts'
import { describeNode, type Scope, type Value } from './scope.ts'
import type { Tracer } from './trace.ts'
import { variableIdentity } from './variables.ts'

/** https://www.tensorflow.org/api_docs/python/tf/raw_ops: what changes the variable of its first input. */
const assigning = /^(Assign(Add|Sub)?(VariableOp)?|Resource(Scatter|StridedSliceAssign)\w*)$/

/** The variables that nodes assign to, and by which node; values from the checkpoint do not count. */
function assignedBy(places: Iterable<Place>, tracer: Tracer): ReadonlyMap<string, Place> {
  const assigned = new Map<string, Place>()
  for (const place of places) {
    const { scope, node } = place
    const [target, value] = node.input
    if (!assigning.test(node.op) || target === undefined || value === undefined) continue
    if (tracer.trace(scope, value).node.op === 'RestoreV2') continue
    assigned.set(variableIdentity(tracer.trace(scope, target)), place)
  }
  return assigned
}

/**
 * A check of what reads a variable.
 * @throws StatefulModelError where the order of execution puts an assignment to it before
 */
export function createReadCheck(
  source: GraphSource,
  tracer: Tracer,
): (read: Value, variable: Value) => void {
  const checked = new Map<Scope, Map<string, ReadonlyMap<string, Place>>>()
  const search = { source, spend: createBudget(source.path) }

  function assignedBefore(scope: Scope, name: string): ReadonlyMap<string, Place> {
    const known = checked.get(scope) ?? new Map<string, ReadonlyMap<string, Place>>()
    const assigned = known.get(name) ?? assignedBy(runningWith(search, scope, [name]), tracer)
    checked.set(scope, known.set(name, assigned))
    return assigned
  }

  return (read, variable) => {
    const identity = variableIdentity(variable)
    // A call waits for something in the name of all that it calls.
    for (let place: Place | null = read; place !== null; place = place.scope.caller) {
      const { scope, node } = place
      for (const input of node.input.filter((reference) => reference.startsWith('^'))) {
        const assignment = assignedBefore(scope, nodeName(input)).get(identity)
        if (assignment !== undefined) refuseRead(source, read, assignment)
      }
    }
  }
}

function refuseRead({ path }: GraphSource, read: Value, assignment: Place): never {
  const found = `${describeNode(read)} reads a variable after ${describeNode(assignment)} has changed it`
  throw new StatefulModelError(
    `${path}: ${found}; only variables that keep the checkpoint's values are supported, export the model without the assignment (layers that augment images at random have some: docs/models.md)`,
  )
}

/**
 * The variables that operations of the main graph change other than by restoring them, and by which
 * node.
 * @throws ModelError `unsupported` where it runs too much
 */
export function changedBy(
  source: GraphSource,
  { main, tracer }: { readonly main: Scope; readonly tracer: Tracer },
  operations: readonly string[],
): ReadonlyMap<string, Place> {
  const search = { source, spend: createBudget(source.path) }
  return assignedBy(runningWith(search, main, operations.map(nodeName)), tracer)
}

function createBudget(path: string): () => void {
  let steps = 0
  return () => {
    steps += 1
    if (steps > maxTraceSteps) {
      const what = `finding what changes variables takes more than the allowed ${maxTraceSteps} steps`
      throw new ModelError('unsupported', `${path}: ${what}`)
    }
  }
}
