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
    // The softmax of one class is 1 whatever the image: a lone logit stands against one of 0, a sigmoid.
    const against = scores.length === 1 ? 0 : Number.NEGATIVE_INFINITY
    this.#largest = kind === 'logits' ? largestOf(scores, against) : 0
    this.#sum = kind === 'logits' ? sumOfExponentials(scores, this.#largest, against) : 1
  }

  /** Whether probabilities come of it: what a model is broken enough to score may be no number. */
  get isNumeric(): boolean {
    return this.#kind === 'logits' ? Number.isFinite(this.#sum) : !hasNaN(this.scores)
  }

  /** The probability of a class, as a float32. */
  of(index: number): number {
    const score = this.scores[index] as number
    if (this.#kind === 'probabilities') return score
    return Math.fround(Math.exp(score - this.#largest) / this.#sum)
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

function largestOf(scores: Float32Array, against: number): number {
  let largest = against
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number
    if (score > largest) largest = score
  }
  return largest
}

function hasNaN(scores: Float32Array): boolean {
  for (let i = 0; i < scores.length; i++) if (Number.isNaN(scores[i])) return true
  return false
}

function sumOfExponentials(scores: Float32Array, largest: number, against: number): number {
  let sum = against === Number.NEGATIVE_INFINITY ? 0 : Math.exp(against - largest)
  for (let i = 0; i < scores.length; i++) sum += Math.exp((scores[i] as number) - largest)
  return sum
}

/** Putting each class into its place among more than so many takes a time that grows with their square. */
const mostPlaced = 2_000

/**
 * The `k` largest of probabilities (or scores), the best first; of equals, the lower index.
 * @param probabilities float32 [classes]
 */
export function topK(probabilities: Float32Array, k: number): RankedClass[] {
  return Math.min(k, probabilities.length) > mostPlaced
    ? sortedBest(probabilities, k)
    : placedBest(probabilities, k)
}

/** Sorted as whole numbers of 64 bits, which takes a third of the time that asking a function does. */
function sortedBest(probabilities: Float32Array, k: number): RankedClass[] {
  const values = probabilities.slice()
  const bits = new Uint32Array(values.buffer)
  const words = new Uint32Array(2 * bits.length)
  for (let index = 0; index < bits.length; index++) {
    values[index] = (values[index] as number) + 0 // of two zeros one
    const own = bits[index] as number
    words[2 * index] = index // the lower half, on the machines that there are
    // Bits of positive numbers rise with them, those of negative ones, which are larger, fall.
    words[2 * index + 1] = own > signless ? own : signless - own
  }
  new BigUint64Array(words.buffer).sort()
  return Array.from({ length: Math.min(k, bits.length) }, (_, place) => {
    const index = words[2 * place] as number
    return { index, probability: probabilities[index] as number }
  })
}

const signless = 0x7fffffff

function placedBest(probabilities: Float32Array, k: number): RankedClass[] {
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
