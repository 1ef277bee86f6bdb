// Small questions about the graph that recognise arithmetic, whichever way round it was written.
import type { OnnxNode } from '../model.ts'
import { type Draft, type Lookup, scalarOf } from './draft.ts'

/** What a pass asks the graph; readable while it collects rewrites. */
export interface Matcher {
  readonly draft: Draft
  readonly lookup: Lookup
}

/** float32 leaves this much of a difference to a constant like 1/6 or the root of 1/2. */
const tolerance = 1e-6

export function isNear(value: number | null, expected: number): boolean {
  return value !== null && Math.abs(value - expected) < tolerance
}

/** The node of kind `op` that makes `value`. */
export function made(
  { lookup }: Matcher,
  value: string | undefined,
  op: string,
): OnnxNode | undefined {
  const node = value === undefined ? undefined : lookup.producer(value)
  return node?.op === op ? node : undefined
}

/** Both ways to name the two inputs of a commutative node. */
export function bothWays({ inputs }: OnnxNode): [string, string][] {
  const [a, b] = inputs as [string, string]
  return [
    [a, b],
    [b, a],
  ]
}

/** A value plus or times a scalar constant. */
export function withScalar(
  { draft }: Matcher,
  node: OnnxNode | undefined,
): { readonly x: string; readonly scalar: number } | null {
  if (node === undefined) return null
  for (const [x, constant] of bothWays(node)) {
    const scalar = scalarOf(draft, constant)
    if (scalar !== null) return { x, scalar }
  }
  return null
}

/** Follows negations and multiplications by scalars back: `value` is `factor * x`. */
export function scaled(matcher: Matcher, value: string): { x: string; factor: number } {
  const negation = made(matcher, value, 'Neg')
  if (negation !== undefined) {
    const inner = scaled(matcher, negation.inputs[0] as string)
    return { x: inner.x, factor: -inner.factor }
  }
  const product = withScalar(matcher, made(matcher, value, 'Mul'))
  if (product === null) return { x: value, factor: 1 }
  const inner = scaled(matcher, product.x)
  return { x: inner.x, factor: inner.factor * product.scalar }
}

/** Replaces nodes one by one; `rewrite` gives null to keep a node. */
export function rewriteNodes(
  draft: Draft,
  rewrite: (matcher: Matcher, node: OnnxNode) => OnnxNode | readonly OnnxNode[] | null,
  lookup: Lookup,
): Draft {
  const matcher = { draft, lookup }
  return { ...draft, nodes: draft.nodes.flatMap((node) => rewrite(matcher, node) ?? node) }
}
