// Scores of one image -> probabilities -> the best k classes.

export interface RankedClass {
  readonly index: number
  readonly probability: number
}

/**
 * Softmax, shifted by the largest logit so that no exponential overflows. Plain loops: on the main
 * thread for every image, where callbacks took ten times as long.
 */
export function softmax(logits: Float32Array): Float32Array {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) {
    if ((logits[i] as number) > largest) largest = logits[i] as number
  }
  const exponentials = new Float64Array(logits.length)
  let sum = 0
  for (let i = 0; i < logits.length; i++) {
    const exponential = Math.exp((logits[i] as number) - largest)
    exponentials[i] = exponential
    sum += exponential
  }
  const probabilities = new Float32Array(logits.length)
  for (let i = 0; i < logits.length; i++) probabilities[i] = (exponentials[i] as number) / sum
  return probabilities
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
