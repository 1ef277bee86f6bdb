// The use case in reading order: decode -> batch -> probabilities -> top k.
import type { Batched } from '../batching/batcher.ts'
import { ServiceError } from '../errors.ts'
import type { CropRecipe, DecodedImage, Imaging } from '../imaging/imaging.ts'
import type { Scores } from '../sessions/session-pool.ts'
import type { ModelTable } from './model-table.ts'
import { topK } from './probabilities.ts'
import { recipeKey } from './recipe.ts'
import { createScore, recordTiming, toProbabilities } from './score.ts'
import { overloaded, retryAfterS, type ServedModel } from './served-model.ts'
import type { Classification, ClassifyRequest, Prediction, Score, Target } from './types.ts'

/** What the use case reports while it works; app.ts turns it into metrics. */
export interface ClassificationObserver {
  stage(stage: 'decode' | 'queue' | 'infer', served: ServedModel, ms: number): void
  /** When each stage of an image was, for traces; in `performance.now()` milliseconds. */
  timed(served: ServedModel, times: ImageTimes): void
  answered(served: ServedModel, top1Probability: number): void
  failed(served: ServedModel, error: unknown): void
  decoded(image: DecodedImage): void
}

export interface ImageTimes {
  readonly decoded: Pick<Decoded, 'decodedAt' | 'image'>
  /** It entered the batcher's queue when it was decoded. */
  readonly result: Batched<Scores>
  readonly inferredAt: number
}

export interface ClassifierOptions {
  readonly imaging: Imaging
  readonly table: ModelTable
  /** Refuses with not_ready or draining while nothing may be answered. */
  readonly assertOpen: () => void
  readonly observe: ClassificationObserver
}

export interface ImageClassifier {
  classify(request: ClassifyRequest): Promise<readonly Classification[]>
  admit(targets: readonly Target[], deadline: number): void
  score: Score
}

export function createClassifier(options: ClassifierOptions): ImageClassifier {
  const { imaging, table, observe, assertOpen } = options

  function admit(targets: readonly Target[], deadline: number): ServedModel[] {
    assertOpen()
    const models = targets.map((target) => table.resolve(target))
    for (const served of models) assertRoom(served, imaging, deadline)
    return models
  }

  async function infer(
    served: ServedModel,
    decoded: Decoded,
    request: ClassifyRequest,
  ): Promise<Classification> {
    const { image, waitMs } = decoded
    const crop = image.crops[decoded.recipes.indexOf(recipeKey(served.recipe))] as Uint8Array
    const result = await served.infer(crop, request)
    const inferredAt = performance.now()
    const { scores, inferMs } = result.value
    const probabilities = toProbabilities(scores, served.pool.description.output.kind)
    const best = topK(probabilities, request.topK)
    const timing = { decodeMs: image.decodeMs, queueMs: waitMs + result.queueMs, inferMs }
    recordTiming(observe, served, timing)
    observe.timed(served, { decoded, result, inferredAt })
    observe.answered(served, best[0]?.probability ?? 0)
    return {
      model: served.version.model,
      version: String(served.version.version),
      weights: served.version.manifest.weights.kind,
      predictions: best.map((one) => labelled(served, one)),
      timing,
      batchSize: result.batchSize,
      imageDigest: image.digest,
      identity: served.identity,
    }
  }

  return {
    score: createScore({ imaging, admit, observe }),
    admit(targets, deadline) {
      admit(targets, deadline)
    },
    async classify(request) {
      const models = admit(request.targets, request.deadline)
      const startedAt = performance.now()
      const foretold = models.map((served) => foretell(served, imaging))
      const leave = models.map((served) => served.enter())
      // An idle service tells nothing of how well a queue is foretold.
      const compare = () => {
        const tookMs = performance.now() - startedAt
        for (const [index, { forecast, inFlight }] of models.entries()) {
          if (inFlight > 1) forecast.compare(foretold[index] ?? 0, tookMs)
        }
      }
      try {
        const decoded = await decode(imaging, models, request)
        observe.decoded(decoded.image)
        const answers = await Promise.all(models.map((served) => infer(served, decoded, request)))
        compare()
        return answers
      } catch (error) {
        if (error instanceof ServiceError && error.code === 'deadline_exceeded') compare()
        for (const served of models) observe.failed(served, error)
        throw error
      } finally {
        for (const out of leave) out()
      }
    },
  }
}

function labelled(
  { labels }: ServedModel,
  { index, probability }: ReturnType<typeof topK>[number],
): Prediction {
  return { ...(labels[index] as (typeof labels)[number]), probability }
}

interface Decoded {
  readonly image: DecodedImage
  /** Keys of the recipes, in the order of the image's crops. */
  readonly recipes: readonly string[]
  /** Milliseconds spent waiting for a decoding thread. */
  readonly waitMs: number
  /** `performance.now()` when the crops were there. */
  readonly decodedAt: number
}

/** Decodes once for all models; those with the same recipe share a crop. */
async function decode(
  imaging: Imaging,
  models: readonly ServedModel[],
  request: ClassifyRequest,
): Promise<Decoded> {
  const recipes = new Map<string, CropRecipe>(
    models.map((served) => [recipeKey(served.recipe), served.recipe]),
  )
  const startedAt = performance.now()
  const owner = models[0]?.version.model ?? ''
  const { signal } = request
  const image = await imaging.decode(request.image, [...recipes.values()], { owner, signal })
  const decodedAt = performance.now()
  const waitMs = Math.max(0, decodedAt - startedAt - image.decodeMs)
  return { image, recipes: [...recipes.keys()], waitMs, decodedAt }
}

/**
 * Milliseconds until an image that comes now would be done. Images are decoded while others are
 * computed: the longer of the two queues is what is waited for.
 */
function foretell({ version, forecast, inFlight }: ServedModel, imaging: Imaging): number {
  return Math.max(imaging.forecastMs(version.model), forecast.finishMs(inFlight))
}

/** Refuses an image that would find the queue full, or that would be done too late to matter. */
function assertRoom(served: ServedModel, imaging: Imaging, deadline: number): void {
  const { maxQueueSize, maxBatchSize, sessions } = served.options
  const waiting = served.inFlight
  if (waiting >= maxQueueSize + maxBatchSize * sessions) {
    throw overloaded(served.options, served.forecast.finishMs(waiting))
  }
  const remainingMs = deadline - performance.now()
  if (remainingMs <= 0) {
    throw new ServiceError('deadline_exceeded', 'the time that the request allows has passed')
  }
  const finishMs = served.forecast.surelyMs(foretell(served, imaging))
  // An empty service always tries: otherwise one slow batch could close the door for good.
  if (waiting > 0 && finishMs > remainingMs) {
    throw new ServiceError(
      'overloaded',
      `an answer would take about ${Math.round(finishMs)} ms, the request allows ${Math.round(remainingMs)} ms`,
      { retryAfterS: retryAfterS(finishMs - remainingMs) },
    )
  }
}
