// One image in whatever form a client has it -> the scores of all classes, as the model gives them.
// Dialects build on this: their clients want tensors, all classes, or functions of their own.
import type { Batched } from '../batching/batcher.ts'
import { ServiceError } from '../errors.ts'
import type { DecodedImage, Imaging } from '../imaging/imaging.ts'
import { cropBytesOf } from '../sessions/crop-bytes.ts'
import type { Scores } from '../sessions/session-pool.ts'
import { Distribution, softmax } from './probabilities.ts'
import type { ServedModel } from './served-model.ts'
import type { Score, ScoredImage, ScoreInput, ScoreRequest, StageTiming, Target } from './types.ts'

export interface ScoreOptions {
  readonly imaging: Imaging
  /** Lets the request in. @throws ServiceError */
  readonly admit: (targets: readonly Target[], deadline: number) => readonly ServedModel[]
  readonly observe: {
    stage(stage: 'decode' | 'queue' | 'infer', served: ServedModel, ms: number): void
    answered(served: ServedModel, top1Probability: number): void
    failed(served: ServedModel, error: unknown): void
    decoded(image: DecodedImage): void
  }
}

export function createScore({ imaging, admit, observe }: ScoreOptions): Score {
  return async (request) => {
    const [served] = admit([request.target], request.deadline) as [ServedModel]
    const leave = served.enter()
    const startedAt = performance.now()
    try {
      const { bytes, decodeMs, waitMs } = await prepare(served, request)
      const { result, kind } = await infer(served, request, bytes)
      const { scores, inferMs } = result.value
      const timing = { decodeMs, queueMs: waitMs + result.queueMs, inferMs }
      recordTiming(observe, served, timing)
      observe.answered(served, new Distribution(scores, kind).best(1)[0]?.probability ?? 0)
      return {
        model: served.version.model,
        version: String(served.version.version),
        scores,
        kind,
        labels: served.labels,
        timing,
        batchSize: result.batchSize,
      }
    } catch (error) {
      served.statistics.failed(performance.now() - startedAt)
      observe.failed(served, error)
      throw error
    } finally {
      leave()
    }
  }

  async function prepare(served: ServedModel, { input, signal }: ScoreRequest) {
    if (input.form !== 'image') return { bytes: input.bytes, decodeMs: 0, waitMs: 0 }
    const startedAt = performance.now()
    const owner = served.version.model
    const image = await imaging.decode(input.bytes, [served.recipe], { owner, signal })
    observe.decoded(image)
    const { decodeMs, crops } = image
    const waitMs = Math.max(0, performance.now() - startedAt - decodeMs)
    return { bytes: crops[0] as Uint8Array, decodeMs, waitMs }
  }
}

/** Asks those of the model's sessions that give what is wanted. */
async function infer(
  served: ServedModel,
  { input, wants, ...submit }: ScoreRequest,
  bytes: Uint8Array,
): Promise<{ result: Batched<Scores>; kind: ScoredImage['kind'] }> {
  const { kind } = served.pool.description.output
  const { tensors, logits } = served
  if (input.form !== 'image') assertFits(served, input)
  if (input.form === 'tensor') return { result: await tensors.infer(bytes, submit), kind }
  if (wants !== undefined && kind === 'probabilities') {
    try {
      return { result: await logits.infer(bytes, submit), kind: 'logits' }
    } catch (error) {
      if (wants === 'logits' || error !== logits.refusal) throw error
    }
  }
  return { result: await served.infer(bytes, submit), kind }
}

/**
 * A tensor was made for the version that served when its request was read. Where another has taken its
 * place since, it must not fail the batch that it would be part of.
 */
function assertFits({ version, pool }: ServedModel, { form, bytes }: ScoreInput): void {
  const { input } = pool.description
  const inputForm = form === 'tensor' ? 'tensors' : 'pixels'
  if (bytes.length === cropBytesOf(input, { inputForm })) return
  const message = `${version.model} has just become one that takes ${input.height} x ${input.width} pixels; look at its metadata and send again`
  throw new ServiceError('not_ready', message, { retryAfterS: 1 })
}

/** What the stages of one image took, for metrics and statistics. */
export function recordTiming(
  observe: Pick<ScoreOptions['observe'], 'stage'>,
  served: ServedModel,
  timing: StageTiming,
): void {
  served.statistics.answered(timing)
  observe.stage('decode', served, timing.decodeMs)
  observe.stage('queue', served, timing.queueMs)
  observe.stage('infer', served, timing.inferMs)
}

export function toProbabilities(scores: Float32Array, kind: ScoredImage['kind']): Float32Array {
  return kind === 'logits' ? softmax(scores) : scores
}
