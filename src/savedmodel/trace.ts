// Where a value really comes from: through arguments to the caller, through calls to a function's
// results, and through operators that pass a value on unchanged. So functions are inlined and
// Identity nodes vanish only as far as an output needs them.
import { ModelError } from '../errors.ts'
import { fixedTruth } from './fixed-numbers.ts'
import { conditionals, type GraphSource } from './graph-source.ts'
import { maxCallDepth, maxGateSearch, maxTraceSteps } from './limits.ts'
import { describeNode, enterCall, type Scope, type Value } from './scope.ts'

export interface Tracer {
  /** @param reference as inputs are written: `node:1`, or `node:output_arg:0` and `argument` in functions */
  trace(scope: Scope, reference: string): Value
  /**
   * What an undecided conditional takes: its condition, the results of one branch, and those of the
   * other. `undefined` for any other operator, or where the branches do not fit each other.
   */
  choicesOf(value: Value): readonly Value[] | undefined
}

/** Operators whose first output is their first input, in inference. */
const passing = new Set([
  'CheckNumerics',
  'Identity',
  'PlaceholderWithDefault', // fed only if the signature says so, which isFed finds first
  'PreventGradient',
  'Snapshot',
  'StopGradient',
  'Switch', // only what a Merge chose is traced
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
  let depth = 0

  /** The value that a reference names; the next step where that is not where it comes from. */
  function follow(step: Step): Value | Step {
    steps += 1
    if (steps > maxTraceSteps) {
      throw new ModelError(
        'corrupt',
        `${source.path}: values lead through more than ${maxTraceSteps} nodes, or in a circle`,
      )
    }
    const { scope, reference } = step
    const known = scope.origins.get(reference)
    if (known !== undefined) {
      return known
    }
    const argument = scope.body.arguments.get(reference.split(':', 1)[0] ?? '')
    if (argument !== undefined && scope.caller !== null) {
      return inputStep(source, scope.caller, argument + scope.caller.firstInput)
    }
    const value = valueAt(source, step)
    if (isFed(value)) return value
    return passedOn(source, value) ?? chosenBranch(value) ?? mergedFrom(value) ?? value
  }

  /** Whether the value is a truth that constants decide; nested as deep as calls may be. */
  function conditionOf({ scope, reference }: Step): boolean | undefined {
    depth += 1
    try {
      return depth > maxCallDepth ? undefined : fixedTruth(trace(scope, reference), trace)
    } finally {
      depth -= 1
    }
  }

  /** TensorFlow 1's conditionals: Merge takes the input whose Switch was left through the true output. */
  function mergedFrom(value: Value): Step | undefined {
    if (value.node.op !== 'Merge') return undefined
    for (const reference of value.node.input) {
      const gate = gateBefore(value.scope, reference)
      const condition = gate && conditionOf({ scope: value.scope, reference: gate.condition })
      if (condition !== undefined && condition === gate?.passes) {
        return { scope: value.scope, reference }
      }
    }
    return undefined
  }

  /** Where an output of a conditional comes from, if the condition is a constant. */
  function chosenBranch(value: Value): Step | undefined {
    if (!conditionals.has(value.node.op)) return undefined
    const condition = inputStep(source, value, 0)
    const known = conditionOf(condition)
    const body = known === undefined ? undefined : source.branchOf(value.node, known)
    const reference = body?.results[value.output]
    if (body === undefined || reference === undefined) return undefined
    return { scope: enterCall(value.scope, { node: value.node, body, firstInput: 1 }), reference }
  }

  const trace = (scope: Scope, reference: string) => walk(follow, { scope, reference })

  return { trace, choicesOf: (value) => choicesOf(source, value, trace) }
}

/** Follows steps to a value, and notes for each where it led. */
function walk(follow: (step: Step) => Value | Step, start: Step): Value {
  const walked: Step[] = []
  let at: Value | Step = start
  while ('reference' in at) {
    walked.push(at)
    at = follow(at)
  }
  for (const step of walked) {
    step.scope.origins.set(step.reference, at)
  }
  return at
}

function choicesOf(
  source: GraphSource,
  { scope, node }: Value,
  trace: Tracer['trace'],
): readonly Value[] | undefined {
  const condition = node.input[0]
  const [yes, no] = [true, false].map((truth) => source.branchOf(node, truth))
  if (condition === undefined || yes?.results.length !== no?.results.length) return undefined
  const results = [yes, no].flatMap((body) => {
    if (body === undefined) return []
    const inner = enterCall(scope, { node, body, firstInput: 1 })
    return body.results.map((reference) => trace(inner, reference))
  })
  return results.length === 0 ? undefined : [trace(scope, condition), ...results]
}

/** The nearest Switch that a reference comes through, by values or by order of execution. */
function gateBefore(scope: Scope, start: string) {
  const queue = [start]
  const seen = new Set(queue)
  for (const reference of queue) {
    const [name = '', output] = reference.replace('^', '').split(':')
    const node = scope.body.nodes.get(name)
    if (node?.op === 'Switch') return { condition: node.input[1] ?? '', passes: output === '1' }
    for (const input of node?.input ?? []) {
      if (!seen.has(input) && seen.size < maxGateSearch) queue.push(input)
      seen.add(input)
    }
  }
  return undefined
}

/** The output of a node in this scope that a reference names. */
function valueAt(source: GraphSource, { scope, reference }: Step): Value {
  const [name = '', ...rest] = reference.split(':', 3)
  const node = scope.body.nodes.get(name)
  if (node === undefined) {
    const inside = scope.body.name === '' ? '' : `function ${scope.body.name}: `
    throw new ModelError('corrupt', `${source.path}: ${inside}there is no node '${reference}'`)
  }
  const value = { scope, node, output: outputNumber(source, { scope, node }, rest) ?? -1 }
  if (!Number.isSafeInteger(value.output) || value.output < 0) {
    const message = `${describeNode(value)} has no output '${reference}'`
    throw new ModelError('corrupt', `${source.path}: ${message}`)
  }
  return value
}

/** @param rest what follows the node's name: a number, in functions an output's name and a number */
function outputNumber(
  source: GraphSource,
  { scope, node }: Pick<Value, 'scope' | 'node'>,
  [second, third]: readonly string[],
): number | undefined {
  if (second === undefined || scope.body.name === '') {
    return Number(second ?? 0)
  }
  // A function that is used as an operator is its own definition.
  const called = source.calledBy(node)
  return called?.name === node.op
    ? called.resultNames.indexOf(second)
    : source.operators.outputIndex(node, second, Number(third ?? 0))
}

/** Where an output of a call, or of an operator that passes values on, comes from. */
function passedOn(source: GraphSource, value: Value): Step | undefined {
  const { scope, node, output } = value
  const called = source.calledBy(node)
  if (called !== undefined) {
    const reference = called.results[output]
    if (reference === undefined) {
      throw new ModelError(
        'corrupt',
        `${source.path}: ${describeNode(value)} has no output ${output}`,
      )
    }
    return { scope: enterCall(scope, { node, body: called }), reference }
  }
  if (node.op === 'IdentityN') {
    return inputStep(source, value, output)
  }
  return passing.has(node.op) ? inputStep(source, value, 0) : undefined
}

function inputStep(
  { path }: GraphSource,
  place: Pick<Value, 'scope' | 'node'>,
  index: number,
): Step {
  const reference = place.node.input[index]
  // `^name` orders execution and carries no value; such inputs stand after all others.
  if (reference === undefined || reference.startsWith('^')) {
    throw new ModelError('corrupt', `${path}: ${describeNode(place)} has no input ${index}`)
  }
  return { scope: place.scope, reference }
}
