// Recognises activations that TensorFlow writes as arithmetic.
import { float, type OnnxNode, text } from '../model.ts'
import { lookUp, type Pass, scalarOf } from './draft.ts'
import { bothWays, isNear, type Matcher, made, rewriteNodes, scaled, withScalar } from './match.ts'

/** relu6(x + 3) / 6 becomes HardSigmoid. */
export const fuseHardSigmoid: Pass = (draft) => rewriteNodes(draft, hardSigmoid, lookUp(draft))

/** x * HardSigmoid(x) becomes HardSwish. */
export const fuseHardSwish: Pass = (draft) => rewriteNodes(draft, hardSwish, lookUp(draft))

/** x / 2 * (1 + erf(x / sqrt 2)), or with 1 - erf(-x / sqrt 2), becomes Gelu. */
export const fuseGelu: Pass = (draft) => rewriteNodes(draft, gelu, lookUp(draft))

function hardSigmoid(matcher: Matcher, node: OnnxNode): OnnxNode | null {
  if (node.op !== 'Mul') return null
  const product = withScalar(matcher, node)
  const clip = made(matcher, product?.x, 'Clip')
  if (product === null || clip === undefined) return null
  const [inner, min, max] = clip.inputs as [string, string, string]
  const sum = withScalar(matcher, made(matcher, inner, 'Add'))
  const [low, high] = [scalarOf(matcher.draft, min), scalarOf(matcher.draft, max)]
  const isUnit = isNear(low, 0) && isNear((high ?? 0) * product.scalar, 1)
  if (sum === null || !isUnit) return null
  const attributes = { alpha: float(product.scalar), beta: float(sum.scalar * product.scalar) }
  return { ...node, op: 'HardSigmoid', inputs: [sum.x], attributes }
}

function hardSwish(matcher: Matcher, node: OnnxNode): OnnxNode | null {
  if (node.op !== 'Mul') return null
  for (const [x, gate] of bothWays(node)) {
    const sigmoid = made(matcher, gate, 'HardSigmoid')
    if (sigmoid?.inputs[0] !== x) continue
    const { alpha, beta } = sigmoid.attributes
    const isStandard = isNear(Number(alpha?.value), 1 / 6) && isNear(Number(beta?.value), 0.5)
    if (isStandard) return { ...node, op: 'HardSwish', inputs: [x], attributes: {} }
  }
  return null
}

function gelu(matcher: Matcher, node: OnnxNode): OnnxNode | null {
  if (node.op !== 'Mul') return null
  const outer = scaled(matcher, node.outputs[0] as string)
  const product = made(matcher, outer.x, 'Mul')
  if (product === undefined) return null
  for (const [left, gate] of bothWays(product)) {
    const { x, factor } = scaled(matcher, left)
    const half = factor * outer.factor
    if (!isNear(half, 0.5) || gaussianGate(matcher, gate) !== x) continue
    return { ...node, op: 'Gelu', inputs: [x], attributes: { approximate: text('none') } }
  }
  return null
}

/** The x of 1 + erf(x / sqrt 2) or 1 - erf(-x / sqrt 2). */
function gaussianGate(matcher: Matcher, gate: string): string | null {
  const sum = withScalar(matcher, made(matcher, gate, 'Add'))
  const difference = made(matcher, gate, 'Sub')
  const isFromOne = isNear(scalarOf(matcher.draft, difference?.inputs[0] ?? ''), 1)
  const inner = sum !== null && isNear(sum.scalar, 1) ? sum.x : undefined
  const erf = made(matcher, isFromOne ? difference?.inputs[1] : inner, 'Erf')
  if (erf === undefined) return null
  const { x, factor } = scaled(matcher, erf.inputs[0] as string)
  return isNear(isFromOne ? -factor : factor, Math.SQRT1_2) ? x : null
}
