// Recognises activations that TensorFlow writes as arithmetic.
import { float, type OnnxNode } from '../model.ts'
import { type Draft, type Lookup, lookUp, type Pass, scalarOf } from './draft.ts'

/** relu6(x + 3) / 6 in float32 leaves this much of a difference to the exact constants. */
const tolerance = 1e-6

/** relu6(x + 3) / 6 becomes HardSigmoid. */
export const fuseHardSigmoid: Pass = (draft) => {
  const lookup = lookUp(draft)
  return { ...draft, nodes: draft.nodes.map((node) => hardSigmoid(draft, lookup, node) ?? node) }
}

/** x * HardSigmoid(x) becomes HardSwish. */
export const fuseHardSwish: Pass = (draft) => {
  const lookup = lookUp(draft)
  return { ...draft, nodes: draft.nodes.map((node) => hardSwish(lookup, node) ?? node) }
}

function hardSigmoid(draft: Draft, lookup: Lookup, node: OnnxNode): OnnxNode | null {
  const scaled = withScalar(draft, node, 'Mul')
  const clip = scaled && lookup.producer(scaled.x)
  if (!scaled || clip?.op !== 'Clip' || !isNear(scalarOf(draft, clip.inputs[1] ?? ''), 0))
    return null
  const [inner, , max] = clip.inputs as [string, string, string]
  const shifted = lookup.producer(inner)
  const shift = shifted && withScalar(draft, shifted, 'Add')
  if (!shift || !isNear((scalarOf(draft, max) ?? 0) * scaled.scalar, 1)) return null
  const attributes = { alpha: float(scaled.scalar), beta: float(shift.scalar * scaled.scalar) }
  return { ...node, op: 'HardSigmoid', inputs: [shift.x], attributes }
}

function hardSwish(lookup: Lookup, node: OnnxNode): OnnxNode | null {
  if (node.op !== 'Mul') return null
  const [a, b] = node.inputs as [string, string]
  for (const [x, gate] of [
    [a, b],
    [b, a],
  ] as const) {
    const sigmoid = lookup.producer(gate)
    if (sigmoid?.op !== 'HardSigmoid' || sigmoid.inputs[0] !== x) continue
    const { alpha, beta } = sigmoid.attributes
    const isStandard = isNear(Number(alpha?.value), 1 / 6) && isNear(Number(beta?.value), 0.5)
    if (isStandard) return { ...node, op: 'HardSwish', inputs: [x], attributes: {} }
  }
  return null
}

/** A node that combines a value with a scalar constant. */
function withScalar(
  draft: Draft,
  node: OnnxNode,
  op: 'Mul' | 'Add',
): { x: string; scalar: number } | null {
  if (node.op !== op) return null
  const [a, b] = node.inputs as [string, string]
  const [left, right] = [scalarOf(draft, a), scalarOf(draft, b)]
  if (right !== null) return { x: a, scalar: right }
  return left === null ? null : { x: b, scalar: left }
}

function isNear(value: number | null, expected: number): boolean {
  return value !== null && Math.abs(value - expected) < tolerance
}
