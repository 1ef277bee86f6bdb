// The shapes of the native API's answers.
import type { FastifyReply } from 'fastify'
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
    const named = labels ? predictions : predictions.map(bare)
    const answer = { model, version, weights, predictions: named }
    if (rollup === undefined && explanation === undefined) return answer
    return {
      ...answer,
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

const cacheWords = { computed: 'miss', shared: 'shared', cached: 'hit' } as const

/** `X-Cache`: where results are kept it says of each whether it was; `shared` also where not. */
export function setCacheHeader(
  reply: FastifyReply,
  classifications: readonly Classification[],
  keepsResults: boolean,
): void {
  const isNews = keepsResults || classifications.some(({ origin }) => origin === 'shared')
  if (!isNews) return
  reply.header('x-cache', classifications.map(({ origin }) => cacheWords[origin]).join(', '))
}

/** Where the time went and how many images shared a batch. */
export function setTimingHeaders(
  reply: FastifyReply,
  classifications: readonly Classification[],
): void {
  let timings = `decode;dur=${milliseconds(classifications[0]?.timing.decodeMs ?? 0)}`
  let batchSizes = ''
  for (const { timing, batchSize, model } of classifications) {
    const description = classifications.length > 1 ? `;desc="${model}"` : ''
    timings += `, queue;dur=${milliseconds(timing.queueMs)}${description}`
    timings += `, infer;dur=${milliseconds(timing.inferMs)}${description}`
    timings += `, batch;desc="${batchSize}"`
    batchSizes += batchSizes === '' ? batchSize : `, ${batchSize}`
  }
  reply.header('server-timing', timings).header('x-batch-size', batchSizes)
}

function milliseconds(value: number): string {
  return value.toFixed(2)
}
