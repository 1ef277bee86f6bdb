// Comparing two engines' answers to the same pictures.

export interface Answer {
  /** Who gave it. */
  readonly engine: string
  readonly version: string
  /** Whether the model takes floats, which pixels are normalised to. */
  readonly isFloat: boolean
  readonly output: string
  readonly classes: number
  readonly pixels: Uint8Array
  /** [images, classes] */
  readonly probabilities: Float32Array
}

/** Scores [images, classes] as probabilities. */
export function probabilitiesOf(
  scores: Float32Array,
  { kind, classes }: { readonly kind: 'logits' | 'probabilities'; readonly classes: number },
): Float32Array {
  if (kind === 'probabilities') return scores
  const result = new Float32Array(scores.length)
  for (let at = 0; at < scores.length; at += classes) {
    const row = scores.subarray(at, at + classes)
    const peak = row.reduce((a, b) => Math.max(a, b))
    const powers = row.map((logit) => Math.exp(logit - peak))
    const sum = powers.reduce((a, b) => a + b)
    result.set(
      powers.map((power) => power / sum),
      at,
    )
  }
  return result
}

/** NaN where a score is missing or no number, which is larger than no bound but fails every check. */
export function largestDifference(found: Answer, expected: Answer): number {
  if (found.probabilities.length !== expected.probabilities.length) return Number.NaN
  return expected.probabilities.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (found.probabilities[i] ?? Number.NaN))),
    0,
  )
}
