// The nodes that the outputs of a signature need, with functions inlined, in topological order.
// Variables stay open: which tensor fills them is the checkpoint's affair (read-saved-model.ts).
import { ModelError } from '../errors.ts'
import type { Attribute, GraphNode, ValueRef } from '../graph/graph.ts'
import { createReadCheck } from './assignments.ts'
import type { GraphSource } from './graph-source.ts'
import { maxNameCharacters, maxNodes } from './limits.ts'
import { createNodeAttributes } from './node-attributes.ts'
import { describeNode, type Scope, type Value } from './scope.ts'
import type { Tracer } from './trace.ts'
import { variableIdentity, variableReadBy } from './variables.ts'

/** A variable that is read: becomes a `Const` node of this name. */
export interface VariableUse {
  readonly name: string
  readonly identity: string
  /** What its declaration says: `dtype` and `shape`. */
  readonly attributes: Readonly<Record<string, Attribute>>
}

export interface TracedGraph {
  readonly nodes: readonly (GraphNode | VariableUse)[]
  /** The values asked for, in their order. */
  readonly outputs: readonly ValueRef[]
}

/** Names of nodes that stand already, as signature inputs do, by the value they give. */
export interface Feeds {
  nameOf(value: Value): string | undefined
  readonly names: readonly string[]
}

interface Frame {
  readonly value: Value
  readonly variable: Value | undefined
  readonly inputs: readonly Value[]
  /** Whether it is a conditional whose inputs are its condition and what it chooses from. */
  readonly isChoice?: boolean
  next: number
}

/** @throws ModelError `corrupt` for circles, `unsupported` for loops, limits and unreadable attributes */
export function traceGraph(
  source: GraphSource,
  { tracer, feeds }: { readonly tracer: Tracer; readonly feeds: Feeds },
  wanted: readonly Value[],
): TracedGraph {
  const nodes: (GraphNode | VariableUse)[] = []
  const names = createNames(source, feeds.names)
  const attributesOf = createNodeAttributes(source)
  const placed = createPlaced()
  const variableNames = new Map<string, string>()
  const variableOf = createVariableLookup(source, tracer)

  function visit(root: Value): ValueRef {
    const stack = referenceTo(root) === undefined ? [open(root)] : []
    for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
      const input = frame.inputs[frame.next]
      frame.next += 1
      if (input === undefined) {
        close(frame)
        stack.pop()
      } else if (referenceTo(input) === undefined) {
        stack.push(open(input))
      }
    }
    return referenceTo(root) as ValueRef
  }

  /** Where the graph has a value already; `undefined` where its node must be visited first. */
  function referenceTo(value: Value): ValueRef | undefined {
    const fed = feeds.nameOf(value)
    if (fed !== undefined) return { node: fed, output: 0 }
    const variable = variableOf(value)
    if (variable !== undefined) {
      const name = variableNames.get(variableIdentity(variable))
      return name === undefined ? undefined : { node: name, output: 0 }
    }
    const name = placed.nameOf(value)
    if (name === null) {
      const found = `${describeNode(value)} needs its own result; loops are not supported`
      throw new ModelError('unsupported', `${source.path}: ${found}`)
    }
    return name === undefined ? undefined : { node: name, output: value.output }
  }

  function open(value: Value): Frame {
    const variable = variableOf(value)
    if (variable !== undefined) {
      return { value, variable, inputs: [], next: 0 }
    }
    const references = value.node.input.filter((input) => !input.startsWith('^'))
    const choices = tracer.choicesOf(value)
    const inputs = choices ?? references.map((reference) => tracer.trace(value.scope, reference))
    refuseOpenEnds(source, value, inputs)
    placed.setName(value, null)
    return { value, variable, inputs, next: 0, isChoice: choices !== undefined }
  }

  function close({ value, variable, inputs, isChoice = false }: Frame): void {
    if (variable !== undefined) {
      const name = names.unique(variable)
      const identity = variableIdentity(variable)
      variableNames.set(identity, name)
      nodes.push({ name, identity, attributes: attributesOf(variable) })
      return
    }
    const name = names.unique(value)
    placed.setName(value, name)
    nodes.push({
      name,
      // The variable is a constant now, and this picks from it.
      op: readsVariable(value) ? 'Gather' : isChoice ? 'If' : value.node.op,
      inputs: inputs.map((input) => referenceTo(input) as ValueRef),
      attributes: isChoice ? {} : attributesOf(value),
    })
  }

  return { outputs: wanted.map(visit), nodes }
}

/** variableReadBy, of variables that still hold what the checkpoint has for them. */
function createVariableLookup(source: GraphSource, tracer: Tracer) {
  const check = createReadCheck(source, tracer)
  return (value: Value): Value | undefined => {
    const variable = variableReadBy(value, tracer)
    if (variable !== undefined) check(value, variable)
    return variable
  }
}

/** Names of finished nodes of all scopes; `null` while their inputs are visited. */
function createPlaced() {
  const scopes = new Map<Scope, Map<Value['node'], string | null>>()
  return {
    nameOf: ({ scope, node }: Value) => scopes.get(scope)?.get(node),
    setName({ scope, node }: Value, name: string | null): void {
      const names = scopes.get(scope) ?? new Map<Value['node'], string | null>()
      scopes.set(scope, names.set(node, name))
    },
  }
}

/** Operators that read a variable's value themselves; with batch dimensions they pick otherwise. */
function readsVariable({ node }: Value): boolean {
  const batchDimensions = node.attr.batch_dims?.value
  const isPlain = batchDimensions?.case !== 'i' || batchDimensions.value === 0n
  return node.op === 'ResourceGather' && isPlain
}

/** Nodes that have no value without being fed, or that need a variable and not its value. */
function refuseOpenEnds({ path }: GraphSource, value: Value, inputs: readonly Value[]): void {
  if (value.node.op === 'Placeholder') {
    const found = `${describeNode(value)} is needed, but is no input of the signature`
    throw new ModelError('unsupported', `${path}: ${found}`)
  }
  const handle = inputs.find(({ node }) => node.op === 'VarHandleOp')
  if (handle !== undefined && !readsVariable(value)) {
    const user = describeNode(value)
    const found = `the variable of ${describeNode(handle)} is used other than by reading it, by ${user}`
    throw new ModelError('unsupported', `${path}: ${found}`)
  }
}

/** Names for nodes of all scopes in one graph. */
function createNames(source: GraphSource, taken: readonly string[]) {
  const used = new Set(taken)
  const counts = new Map<string, number>()
  let characters = 0

  return {
    unique({ scope, node }: Value): string {
      const wanted = scope.prefix + node.name
      let name = wanted
      // A counter for each name: trying 1, 2, 3… anew each time would take quadratic time.
      for (let n = counts.get(wanted) ?? 1; used.has(name); n += 1) {
        name = `${wanted}_${n}`
        counts.set(wanted, n + 1)
      }
      used.add(name)
      characters += name.length
      if (used.size > maxNodes || characters > maxNameCharacters) {
        throw new ModelError(
          'unsupported',
          `${source.path}: with its functions inlined the graph has more than ${maxNodes} nodes, or more than ${maxNameCharacters} characters of names`,
        )
      }
      return name
    },
  }
}
