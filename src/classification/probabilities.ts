// Scores of one image -> probabilities -> the best k classes.
// Plain loops: this runs on the main thread for every image, where callbacks took ten times as long.
import type { ScoredImage } from './types.ts'

export interface RankedClass {
  readonly index: number
  readonly probability: number
}

/**
 * What one image scored, as probabilities. Most answers want five of a thousand, so that is what is
 * computed; all of them are for who asks for all.
 */
export class Distribution {
  /** float32 [classes], as the model gives them. */
  readonly scores: Float32Array
  readonly #kind: ScoredImage['kind']
  /** Of softmax: what logits are shifted by, so that no exponential overflows, and the sum of those. */
  readonly #largest: number
  readonly #sum: number

  constructor(scores: Float32Array, kind: ScoredImage['kind']) {
    this.scores = scores
    this.#kind = kind
    this.#largest = kind === 'logits' ? largestOf(scores) : 0
    this.#sum = kind === 'logits' ? sumOfExponentials(scores, this.#largest) : 1
  }

  /** The probability of a class, as a float32. */
  of(index: number): number {
    const score = this.scores[index] as number
    if (this.#kind === 'probabilities') return score
    return Math.fround(exponentialOf(score - this.#largest) / this.#sum)
  }

  /** The `k` most probable classes, best first. */
  best(k: number): RankedClass[] {
    // Softmax keeps the order; scores still tell apart what rounds to one probability.
    return topK(this.scores, k).map(({ index }) => ({ index, probability: this.of(index) }))
  }

  /** float32 [classes] */
  all(): Float32Array {
    const { length } = this.scores
    const probabilities = new Float32Array(length)
    for (let index = 0; index < length; index++) probabilities[index] = this.of(index)
    return probabilities
  }

  /** The same in memory of its own, where the scores came in that of a batch. */
  alone(): Distribution {
    return new Distribution(this.scores.slice(), this.#kind)
  }
}

export function softmax(logits: Float32Array): Float32Array {
  return new Distribution(logits, 'logits').all()
}

function largestOf(scores: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number
    if (score > largest) largest = score
  }
  return largest
}

function sumOfExponentials(scores: Float32Array, largest: number): number {
  let sum = 0
  for (let i = 0; i < scores.length; i++) sum += exponentialOf((scores[i] as number) - largest)
  return sum
}

/** Below this, e to the x is nothing to a float32, whose smallest number is 2 to the -149. */
const leastExponent = -104
/** The exponential is taken of a multiple of ln 2 / 64, which tables know, and of the small rest. */
const partBits = 6
const parts = 2 ** partBits
const partsPerUnit = parts / Math.LN2
const unitsPerPart = Math.LN2 / parts
const powersOfHalf = Float64Array.from({ length: 151 }, (_, power) => 2 ** -power)
const partsOfHalf = Float64Array.from({ length: parts }, (_, part) => 2 ** (-part / parts))

/**
 * e to the x, of x up to 0, to 13 digits; the answer rounds to the 7 of a float32. `Math.exp` takes
 * half as long again, a thousand times an image.
 */
function exponentialOf(x: number): number {
  if (x < leastExponent) return 0
  const steps = (0.5 - x * partsPerUnit) | 0
  const rest = x + steps * unitsPerPart // at most ln 2 / 128 either way
  const series = 1 + rest + rest * rest * (1 / 2 + rest * (1 / 6 + rest * (1 / 24)))
  return (
    series *
    ((powersOfHalf[steps >> partBits] as number) * (partsOfHalf[steps & (parts - 1)] as number))
  )
}

/**
 * The `k` largest of probabilities (or scores), the best first; of equals, the lower index.
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
