// How far the answers of one device are from another's, in probabilities and in order.
import { softmax } from '../../src/classification/probabilities.ts'

export interface ScoreComparison {
  /** The largest difference between two probabilities. */
  readonly largest: number
  readonly images: number
  readonly sameFirst: number
  /** Images whose five most probable classes are the same, in the same order. */
  readonly sameFive: number
  /** Images where that differs, and not only between classes that are closer than `largest`. */
  readonly wrongOrder: number
}

export function compareScores(
  right: readonly (readonly number[])[],
  found: readonly (readonly number[])[],
  kind: 'logits' | 'probabilities',
): ScoreComparison {
  const probabilities = (scores: readonly number[]) =>
    kind === 'logits' ? [...softmax(Float32Array.from(scores))] : scores
  const pairs = right.map((scores, index) => {
    return { a: probabilities(scores), b: probabilities(found[index] ?? []) }
  })
  const largest = Math.max(
    ...pairs.flatMap(({ a, b }) =>
      a.map((value, place) => Math.abs(value - (b[place] ?? Number.NaN))),
    ),
  )
  const orders = pairs.map(({ a, b }) => ({ a, expected: firstFive(a), got: firstFive(b) }))
  const same = orders.filter(({ expected, got }) =>
    expected.every((one, place) => one === got[place]),
  )
  const wrong = orders.filter(({ a, expected, got }) =>
    expected.some((one, place) => gap(a, one, got[place]) > 2 * largest),
  )
  return {
    largest,
    images: pairs.length,
    sameFirst: orders.filter(({ expected, got }) => expected[0] === got[0]).length,
    sameFive: same.length,
    wrongOrder: wrong.length,
  }
}

function gap(scores: readonly number[], one: number, other: number | undefined): number {
  return Math.abs((scores[one] ?? Number.NaN) - (scores[other ?? -1] ?? Number.NaN))
}

function firstFive(scores: readonly number[]): number[] {
  return [...scores.keys()].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0)).slice(0, 5)
}
