// The shapes of the native API's answers.
import type {
  Classification,
  Explanation,
  Prediction,
  Region,
  RollupTerm,
} from '../classification/types.ts'

/** Without names where the client asked for bare indices. */
type ShownPrediction = Prediction | Pick<Prediction, 'index' | 'probability'>

interface ShownExplanation extends Omit<Explanation, 'png' | 'region'> {
  /** Base64. */
  readonly data: string
  /** What of the original image it shows, in its pixels. */
  readonly region: Region
}

export interface ModelAnswer {
  readonly model: string
  readonly version: string
  readonly weights: Classification['weights']
  readonly predictions: readonly ShownPrediction[]
  readonly rollup?: readonly RollupTerm[]
  readonly explanation?: ShownExplanation
}

/** One model answers with its object; several, asked for by name, with a list of them. */
export type Answer = ModelAnswer | { readonly results: readonly ModelAnswer[] }

/** @param labels whether classes come with their names */
export function answerOf(classifications: readonly Classification[], labels = true): Answer {
  const results = classifications.map((classification): ModelAnswer => {
    const { model, version, weights, predictions, rollup, explanation } = classification
    return {
      model,
      version,
      weights,
      predictions: labels ? predictions : predictions.map(bare),
      ...(rollup && { rollup }),
      ...(explanation && { explanation: shown(explanation) }),
    }
  })
  const [only] = results
  return only !== undefined && results.length === 1 ? only : { results }
}

function bare({ index, probability }: Prediction) {
  return { index, probability }
}

function shown({ png, ...explanation }: Explanation): ShownExplanation {
  return { ...explanation, data: Buffer.from(png).toString('base64') }
}

const noHeaders = {}

/** `X-Cache`: where results are kept it says of each whether it was; `shared` also where not. */
export function cacheHeaders(
  classifications: readonly Classification[],
  keepsResults: boolean,
): Readonly<Record<string, string>> {
  const isNews = keepsResults || classifications.some(({ origin }) => origin === 'shared')
  if (!isNews) return noHeaders
  const words = { computed: 'miss', shared: 'shared', cached: 'hit' } as const
  return { 'x-cache': classifications.map(({ origin }) => words[origin]).join(', ') }
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
