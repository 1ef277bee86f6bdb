// One use of a body: the main graph once, and a function as often as it is called. A value is an
// output of a node in a scope, so that two calls of a function give two values.
import { ModelError } from '../errors.ts'
import type { NodeDef } from './generated/saved_model_pb.ts'
import type { Body } from './graph-source.ts'
import { maxCallDepth } from './limits.ts'

export interface Scope {
  readonly body: Body
  /** Put before the names of its nodes to make them unique: the names of the calls, with slashes. */
  readonly prefix: string
  readonly depth: number
  /** The call it stands for; `null` for the main graph. */
  readonly caller: {
    readonly scope: Scope
    readonly node: NodeDef
    /** Which input of the node is the function's first argument. */
    readonly firstInput: number
  } | null
  /** The scopes of the calls in it, by the names of the calling node and of what it calls. */
  readonly calls: Map<string, Scope>
  /** What references in it were traced to (trace.ts), so that long chains are walked once. */
  readonly origins: Map<string, Value>
}

/** An output of a node. */
export interface Value {
  readonly scope: Scope
  readonly node: NodeDef
  readonly output: number
}

export function createMainScope(body: Body): Scope {
  return { body, prefix: '', depth: 0, caller: null, calls: new Map(), origins: new Map() }
}

interface Call {
  readonly node: NodeDef
  readonly body: Body
  readonly firstInput?: number
}

/**
 * The scope of the function `body` as called by `node`.
 * @param firstInput which input of the node is the first argument
 */
export function enterCall(scope: Scope, { node, body, firstInput = 0 }: Call): Scope {
  // A conditional calls one function or another.
  const key = `${node.name}\0${body.name}`
  const known = scope.calls.get(key)
  if (known !== undefined) {
    return known
  }
  if (scope.depth >= maxCallDepth) {
    throw new ModelError(
      'unsupported',
      `function ${body.name} is called ${scope.depth + 1} calls deep by node ${node.name}, at most ${maxCallDepth} are allowed`,
    )
  }
  const inner: Scope = {
    body,
    prefix: `${scope.prefix}${node.name}/`,
    depth: scope.depth + 1,
    caller: { scope, node, firstInput },
    calls: new Map(),
    origins: new Map(),
  }
  scope.calls.set(key, inner)
  return inner
}

/** Where a node stands, for messages: `node a/b (Conv2D)`. */
export function describeNode({ scope, node }: Pick<Value, 'scope' | 'node'>): string {
  const inside = scope.body.name === '' ? '' : ` in function ${scope.body.name}`
  return `node ${node.name} (${node.op})${inside}`
}
