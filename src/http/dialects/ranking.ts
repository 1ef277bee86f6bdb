// The best classes of scored images, as dialects show them.
import { topK } from '../../classification/probabilities.ts'
import { toProbabilities } from '../../classification/score.ts'
import type { LabelRow, ScoredImage } from '../../classification/types.ts'

export interface RankedLabel {
  readonly label: string
  readonly score: number
}

export function bestLabels({ scores, kind, labels }: ScoredImage, k: number): RankedLabel[] {
  return rankLabels(toProbabilities(scores, kind), labels, k)
}

export function rankLabels(
  scores: Float32Array,
  labels: readonly LabelRow[],
  k: number,
): RankedLabel[] {
  return topK(scores, k).map(({ index, probability }) => {
    return { label: labels[index]?.label ?? String(index), score: probability }
  })
}
