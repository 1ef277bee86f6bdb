// Layer normalisation over channels, as Keras writes it, in fewer passes over the data:
//   x * s + (-mean * s + beta), s = gamma / sqrt(variance + epsilon)
// becomes (x - mean) / sqrt(variance + epsilon), which the variance needs half of anyway, and then
// one scale and offset a channel, which usually fold into the layer behind. ONNX's own
// LayerNormalization wants channels last and would cost two transposes a block.
import type { OnnxNode } from '../model.ts'
import { lookUp, type Pass } from './draft.ts'
import { bothWays, type Matcher, made, rewriteNodes } from './match.ts'

export const fuseLayerNormalization: Pass = (draft) => rewriteNodes(draft, normalize, lookUp(draft))

function normalize(matcher: Matcher, node: OnnxNode): OnnxNode[] | null {
  if (node.op !== 'Add') return null
  for (const [scaledX, rest] of bothWays(node)) {
    const parts = matchParts(matcher, made(matcher, scaledX, 'Mul'), rest)
    if (parts !== null) return writeParts(matcher, node, parts)
  }
  return null
}

interface Parts {
  /** x - mean */
  readonly centred: string
  /** 1 / sqrt(variance + epsilon) */
  readonly inverse: string
  /** Constants. */
  readonly gamma: string | null
  readonly beta: string | null
}

function matchParts(matcher: Matcher, product: OnnxNode | undefined, rest: string): Parts | null {
  if (product === undefined) return null
  const offset = constantOperand(matcher, made(matcher, rest, 'Add'))
  const negatedMean = made(matcher, offset?.value ?? rest, 'Mul')
  for (const [x, scale] of bothWays(product)) {
    const mean = meanTimes(matcher, negatedMean, scale)
    const scaling = constantOperand(matcher, made(matcher, scale, 'Mul'))
    const inverse = scaling?.value ?? scale
    const centred = mean === null ? null : centredBy(matcher, inverse, { x, mean })
    if (centred === null) continue
    return { centred, inverse, gamma: scaling?.constant ?? null, beta: offset?.constant ?? null }
  }
  return null
}

/** The mean in -mean * scale. */
function meanTimes(matcher: Matcher, product: OnnxNode | undefined, scale: string): string | null {
  if (product === undefined) return null
  for (const [negated, factor] of bothWays(product)) {
    const negation = made(matcher, negated, 'Neg')
    if (factor === scale && negation !== undefined) return negation.inputs[0] as string
  }
  return null
}

/** The value x - mean, if `inverse` is 1 / sqrt(mean((x - mean)^2) + epsilon). */
function centredBy(
  matcher: Matcher,
  inverse: string,
  { x, mean }: { x: string; mean: string },
): string | null {
  const root = made(matcher, made(matcher, inverse, 'Reciprocal')?.inputs[0], 'Sqrt')
  const padded = constantOperand(matcher, made(matcher, root?.inputs[0], 'Add'))
  const variance = made(matcher, padded?.value, 'ReduceMean')
  const square = made(matcher, variance?.inputs[0], 'Mul')
  const [centred, again] = square?.inputs ?? []
  const difference = made(matcher, centred, 'Sub')
  const isCentred =
    centred === again && difference?.inputs[0] === x && difference?.inputs[1] === mean
  return isCentred && made(matcher, mean, 'ReduceMean')?.inputs[0] === x ? (centred ?? null) : null
}

/** The operand of a commutative node that is computed, and the other, which is a constant. */
function constantOperand(
  { draft }: Matcher,
  node: OnnxNode | undefined,
): { value: string; constant: string } | null {
  if (node === undefined) return null
  const ways = bothWays(node).map(([value, constant]) => ({ value, constant }))
  return ways.find(({ constant }) => draft.initializers.has(constant)) ?? null
}

function writeParts(
  { draft }: Matcher,
  node: OnnxNode,
  { centred, inverse, gamma, beta }: Parts,
): OnnxNode[] {
  const [output] = node.outputs as [string]
  const steps: { op: string; operand: string }[] = [{ op: 'Mul', operand: inverse }]
  if (gamma !== null) steps.push({ op: 'Mul', operand: gamma })
  if (beta !== null) steps.push({ op: 'Add', operand: beta })
  let value = centred
  return steps.map(({ op, operand }, i) => {
    const made = i === steps.length - 1 ? output : `${output}/step${i}`
    draft.shapes.set(made, draft.shapes.get(output) ?? [])
    const step = { ...node, name: made, op, inputs: [value, operand], outputs: [made] }
    value = made
    return step
  })
}
