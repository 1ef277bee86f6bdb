// The shapes of the native API's answers.
import type { Classification, Prediction } from '../classification/types.ts'

export interface ModelAnswer {
  readonly model: string
  readonly version: string
  readonly weights: Classification['weights']
  readonly predictions: readonly Prediction[]
}

/** One model answers with its object; several, asked for by name, with a list of them. */
export type Answer = ModelAnswer | { readonly results: readonly ModelAnswer[] }

export function answerOf(classifications: readonly Classification[]): Answer {
  const results = classifications.map(({ model, version, weights, predictions }) => {
    return { model, version, weights, predictions }
  })
  const [only] = results
  return only !== undefined && results.length === 1 ? only : { results }
}

/** Where the time went and how many images shared a batch, as response headers. */
export function timingHeaders(classifications: readonly Classification[]): Record<string, string> {
  const [first] = classifications
  if (first === undefined) return {}
  const perModel = classifications.flatMap(({ timing, batchSize, model }) => {
    const description = classifications.length > 1 ? `;desc="${model}"` : ''
    return [
      `queue;dur=${milliseconds(timing.queueMs)}${description}`,
      `infer;dur=${milliseconds(timing.inferMs)}${description}`,
      `batch;desc="${batchSize}"`,
    ]
  })
  return {
    'server-timing': [`decode;dur=${milliseconds(first.timing.decodeMs)}`, ...perModel].join(', '),
    'x-batch-size': classifications.map(({ batchSize }) => batchSize).join(', '),
  }
}

function milliseconds(value: number): string {
  return value.toFixed(2)
}
