// Where a value really comes from: through arguments to the caller, through calls to a function's
// results, and through operators that pass a value on unchanged. So functions are inlined and
// Identity nodes vanish only as far as an output needs them.
import { ModelError } from '../errors.ts'
import type { NodeDef } from './generated/saved_model_pb.ts'
import type { GraphSource } from './graph-source.ts'
import { maxTraceSteps } from './limits.ts'
import { describeNode, enterCall, type Scope, type Value } from './scope.ts'

export interface Tracer {
  /** @param reference as inputs are written: `node:1`, or `node:output_arg:0` and `argument` in functions */
  trace(scope: Scope, reference: string): Value
}

/** Operators whose first output is their first input, in inference. */
const passing = new Set([
  'CheckNumerics',
  'Identity',
  'PlaceholderWithDefault', // fed only if the signature says so, which isFed finds first
  'PreventGradient',
  'Snapshot',
  'StopGradient',
])

/** A reference to follow, in a scope. */
interface Step {
  readonly scope: Scope
  readonly reference: string
}

/**
 * @param isFed whether a value is an input of the model: the trace ends there, whatever computes it
 */
export function createTracer(source: GraphSource, isFed: (value: Value) => boolean): Tracer {
  let steps = 0

  function trace(scope: Scope, reference: string): Value {
    const walked: Step[] = []
    let at: Step = { scope, reference }
    for (;;) {
      countStep()
      const known = at.scope.origins.get(at.reference)
      const value = known ?? valueAt(at)
      walked.push(at)
      const next = known === undefined && value !== undefined ? nextStep(value) : undefined
      if (value !== undefined && next === undefined) {
        for (const step of walked) {
          step.scope.origins.set(step.reference, value)
        }
        return value
      }
      at = next ?? argumentOf(at)
    }
  }

  /** The node's output that a reference names; `undefined` for an argument of the function. */
  function valueAt({ scope, reference }: Step): Value | undefined {
    const [name = '', second, third] = reference.split(':', 3)
    if (scope.body.arguments.has(name)) {
      return undefined
    }
    const node = scope.body.nodes.get(name)
    if (node === undefined) {
      const inside = scope.body.name === '' ? '' : `function ${scope.body.name}: `
      throw new ModelError('corrupt', `${source.path}: ${inside}there is no node '${reference}'`)
    }
    const output = outputOf(scope, node, [second, third])
    if (output === undefined || !Number.isSafeInteger(output) || output < 0) {
      const where = describeNode({ scope, node })
      throw new ModelError('corrupt', `${source.path}: ${where} has no output '${reference}'`)
    }
    return { scope, node, output }
  }

  function outputOf(
    scope: Scope,
    node: NodeDef,
    [second, third]: readonly [string | undefined, string | undefined],
  ): number | undefined {
    if (second === undefined || scope.body.name === '') {
      return Number(second ?? 0)
    }
    // Results of a call by name count like arguments of the function's definition.
    const called = source.calledBy(node)
    return called !== undefined && called.name === node.op
      ? called.resultNames.indexOf(second)
      : source.operators.outputIndex(node, second, Number(third ?? 0))
  }

  function nextStep(value: Value): Step | undefined {
    const { scope, node, output } = value
    if (isFed(value)) {
      return undefined
    }
    const called = source.calledBy(node)
    if (called !== undefined) {
      const reference = called.results[output]
      if (reference === undefined) {
        const message = `${describeNode(value)} has no output ${output}`
        throw new ModelError('corrupt', `${source.path}: ${message}`)
      }
      return { scope: enterCall(scope, node, called), reference }
    }
    if (node.op === 'IdentityN') {
      return inputStep(scope, node, output)
    }
    return passing.has(node.op) ? inputStep(scope, node, 0) : undefined
  }

  function inputStep(scope: Scope, node: NodeDef, index: number): Step {
    const reference = node.input[index]
    // `^name` orders execution and carries no value; such inputs stand after all others.
    if (reference === undefined || reference.startsWith('^')) {
      const message = `${describeNode({ scope, node })} has no input ${index}`
      throw new ModelError('corrupt', `${source.path}: ${message}`)
    }
    return { scope, reference }
  }

  function argumentOf({ scope, reference }: Step): Step {
    const index = scope.body.arguments.get(reference.split(':', 1)[0] ?? '')
    if (scope.caller === null || index === undefined) {
      throw new Error(`${reference} is no argument. This is a bug.`)
    }
    return inputStep(scope.caller.scope, scope.caller.node, index)
  }

  function countStep(): void {
    steps += 1
    if (steps > maxTraceSteps) {
      throw new ModelError(
        'corrupt',
        `${source.path}: values lead through more than ${maxTraceSteps} nodes, or in a circle`,
      )
    }
  }

  return { trace }
}
