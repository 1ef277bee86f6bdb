// Scores of one image -> probabilities -> the best k classes.

export interface RankedClass {
  readonly index: number
  readonly probability: number
}

/** Exponentials of the image at hand: memory that every image uses again. */
let exponentials = new Float64Array(1000)

/**
 * Softmax, shifted by the largest logit so that no exponential overflows. Plain loops: on the main
 * thread for every image, where callbacks took ten times as long.
 */
export function softmax(logits: Float32Array): Float32Array {
  const { length } = logits
  if (exponentials.length < length) exponentials = new Float64Array(length)
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < length; i++) {
    const logit = logits[i] as number
    if (logit > largest) largest = logit
  }
  let sum = 0
  for (let i = 0; i < length; i++) {
    const exponential = exponentialOf((logits[i] as number) - largest)
    exponentials[i] = exponential
    sum += exponential
  }
  const probabilities = new Float32Array(length)
  for (let i = 0; i < length; i++) probabilities[i] = (exponentials[i] as number) / sum
  return probabilities
}

/** Below this, e to the x is nothing to a float32, whose smallest number is 2 to the -149. */
const leastExponent = -104
const powersOfHalf = Float64Array.from({ length: 151 }, (_, power) => 2 ** -power)
const log2OfE = 1.4426950408889634
/** ln 2 in two parts, the first of so few bits that its product with a whole number is exact. */
const ln2High = 0.6931471803691238
const ln2Low = 1.9082149292705877e-10

/**
 * e to the x, of x up to 0, to 13 digits; the answer rounds to the 7 of a float32. `Math.exp` takes
 * four times as long, which is 20 microseconds an image.
 */
function exponentialOf(x: number): number {
  if (x < leastExponent) return 0
  // x = rest - halvings * ln 2, so that |rest| is at most ln 2 / 2 and a short series will do.
  const halvings = (0.5 - x * log2OfE) | 0
  const rest = x + halvings * ln2High + halvings * ln2Low
  let series = 1 / 3628800
  series = series * rest + 1 / 362880
  series = series * rest + 1 / 40320
  series = series * rest + 1 / 5040
  series = series * rest + 1 / 720
  series = series * rest + 1 / 120
  series = series * rest + 1 / 24
  series = series * rest + 1 / 6
  series = series * rest + 1 / 2
  series = series * rest + 1
  series = series * rest + 1
  return series * (powersOfHalf[halvings] as number)
}

/**
 * The `k` most probable classes, best first; of equals, the lower index.
 * @param probabilities float32 [classes]
 */
export function topK(probabilities: Float32Array, k: number): RankedClass[] {
  const best: RankedClass[] = []
  let least = Number.NEGATIVE_INFINITY // of the best, once there are k of them
  for (let index = 0; index < probabilities.length; index++) {
    const probability = probabilities[index] as number
    if (probability <= least) continue
    best.splice(placeOf(probability, best), 0, { index, probability })
    if (best.length > k) best.pop()
    if (best.length === k) least = (best[k - 1] as RankedClass).probability
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
