// What runs when an operation runs: TensorFlow executes all that it waits for, and all of a function.
import type { GraphSource } from './graph-source.ts'
import { enterCall, type Scope, type Value } from './scope.ts'

/** A node in a scope. */
export type Place = Pick<Value, 'scope' | 'node'>

/** What may be looked at; `spend` counts, and throws where it is too much. */
export interface Search {
  readonly source: GraphSource
  spend(): void
}

/**
 * Every node that runs before and with `names` of `start`: what they wait for there, and all nodes of
 * the functions that are called.
 */
export function* runningWith(
  { source, spend }: Search,
  start: Scope,
  names: readonly string[],
): Generator<Place> {
  const queue: Place[] = []
  const seen = new Set<string>()
  const push = (scope: Scope, name: string) => {
    const id = scope.prefix + name
    const node = scope.body.nodes.get(name)
    if (node === undefined || seen.has(id)) return
    spend()
    seen.add(id)
    queue.push({ scope, node })
  }
  for (const name of names) push(start, name)
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    yield place
    const { scope, node } = place
    for (const input of scope === start ? node.input : []) push(scope, nodeName(input))
    for (const body of bodiesOf(source, place)) {
      const inner = enterCall(scope, body)
      for (const name of inner.body.nodes.keys()) push(inner, name)
    }
  }
}

/** The node that a reference names. */
export function nodeName(reference: string): string {
  return reference.replace(/^\^|:.*$/gs, '')
}

/** The functions that a node may call, as enterCall takes them. */
function bodiesOf(source: GraphSource, { node }: Place) {
  const called = source.calledBy(node)
  if (called !== undefined) return [{ node, body: called }]
  return [true, false].flatMap((condition) => {
    const body = source.branchOf(node, condition)
    return body === undefined ? [] : [{ node, body, firstInput: 1 }]
  })
}
