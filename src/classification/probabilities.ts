// Scores of one image -> probabilities -> the best k classes.

export interface RankedClass {
  readonly index: number
  readonly probability: number
}

/** Softmax, shifted by the largest logit so that no exponential overflows. */
export function softmax(logits: Float32Array): Float32Array {
  let largest = Number.NEGATIVE_INFINITY
  for (const logit of logits) largest = Math.max(largest, logit)
  const exponentials = Float64Array.from(logits, (logit) => Math.exp(logit - largest))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return Float32Array.from(exponentials, (value) => value / sum)
}

/**
 * The `k` most probable classes, best first; of equals, the lower index.
 * @param probabilities float32 [classes]
 */
export function topK(probabilities: Float32Array, k: number): RankedClass[] {
  const best: RankedClass[] = []
  for (let index = 0; index < probabilities.length; index++) {
    const probability = probabilities[index] as number
    if (best.length === k && probability <= (best[k - 1] as RankedClass).probability) continue
    best.splice(placeOf(probability, best), 0, { index, probability })
    if (best.length > k) best.pop()
  }
  return best
}

/** Where a probability belongs among `best`, behind those equal to it: a binary search. */
function placeOf(probability: number, best: readonly RankedClass[]): number {
  let low = 0
  let high = best.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((best[middle] as RankedClass).probability >= probability) low = middle + 1
    else high = middle
  }
  return low
}
