// Comparing two engines' scores of the same images.

export interface ScoreForm {
  readonly kind: 'logits' | 'probabilities'
  readonly classes: number
}

/** Probabilities an image, from scores [count, classes]. */
export function rows(scores: Float32Array, { kind, classes }: ScoreForm): Float32Array[] {
  return Array.from({ length: scores.length / classes }, (_, i) => {
    const row = scores.subarray(i * classes, (i + 1) * classes)
    return kind === 'logits' ? softmax(row) : row
  })
}

export interface Comparison {
  readonly difference: number
  /** Whether the five best classes come in the same order wherever neighbours are not near ties. */
  readonly sameTop: boolean
}

/** @param tie neighbours that differ by less may change places */
export function compareProbabilities(
  found: readonly Float32Array[],
  expected: readonly Float32Array[],
  tie: number,
): Comparison {
  let difference = found.length === expected.length ? 0 : Number.POSITIVE_INFINITY
  let sameTop = true
  expected.forEach((row, image) => {
    const other = found[image] ?? new Float32Array()
    // NaN must fail: Math.max keeps it, and no comparison with it holds.
    row.forEach((value, i) => {
      difference = Math.max(difference, Math.abs(value - (other[i] ?? Number.NaN)))
    })
    sameTop &&= sameOrder(other, row, tie)
  })
  return { difference, sameTop }
}

const topCount = 5

function sameOrder(found: Float32Array, expected: Float32Array, tie: number): boolean {
  const best = best5(found)
  return best5(expected).every((index, place) => {
    const rival = best[place] as number
    const gap = Math.abs((expected[index] as number) - (expected[rival] as number))
    return rival === index || gap <= tie
  })
}

function best5(row: Float32Array): number[] {
  const order = Array.from(row.keys()).sort((a, b) => (row[b] as number) - (row[a] as number))
  return order.slice(0, topCount)
}

function softmax(logits: Float32Array): Float32Array {
  const peak = logits.reduce((a, b) => Math.max(a, b))
  const powers = logits.map((logit) => Math.exp(logit - peak))
  const sum = powers.reduce((a, b) => a + b)
  return powers.map((power) => power / sum)
}
