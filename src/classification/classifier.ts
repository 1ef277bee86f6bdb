// The use case in reading order: decode -> batch -> probabilities -> top k.
import { ServiceError } from '../errors.ts'
import type { Imaging } from '../imaging/imaging.ts'
import { canExplain } from './explain.ts'
import { createFinder, type FinderObserver, type FinderOptions, type Found } from './finder.ts'
import { surely } from './foretell.ts'
import type { ModelTable } from './model-table.ts'
import type { RankedClass } from './probabilities.ts'
import { canRollUp, rollUp } from './rollup.ts'
import { createScore } from './score.ts'
import { overloaded, type ServedModel } from './served-model.ts'
import type { Classification, ClassifyRequest, Prediction, Score, Target } from './types.ts'

/** What the use case reports while it works; app.ts turns it into metrics. */
export interface ClassificationObserver extends FinderObserver {
  answered(served: ServedModel, top1Probability: number): void
  failed(served: ServedModel, error: unknown): void
}

export interface ClassifierOptions extends FinderOptions {
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
  const finder = createFinder(options)

  function admit(targets: readonly Target[], deadline: number): ServedModel[] {
    assertOpen()
    const models = targets.map((target) => table.resolve(target))
    for (const served of models) assertRoom(served, imaging, deadline)
    return models
  }

  function answer(served: ServedModel, found: Found, request: ClassifyRequest): Classification {
    const { version, labels } = served
    const { distribution, timing, batchSize, imageDigest, explanation } = found.finding
    const { threshold = 0, rollup } = request
    const best = distribution.best(request.topK)
    observe.answered(served, best[0]?.probability ?? 0)
    const classification: Classification = {
      model: version.model,
      version: String(version.version),
      weights: version.manifest.weights.kind,
      predictions: (threshold === 0
        ? best
        : best.filter(({ probability }) => probability >= threshold)
      ).map((one) => labelled(served, one)),
      timing,
      batchSize,
      origin: found.origin,
      imageDigest,
      identity: served.identity,
    }
    if (!rollup && explanation === undefined) return classification
    return {
      ...classification,
      ...(rollup && { rollup: rollUp(distribution.all(), labels, request.threshold) }),
      ...(explanation && { explanation }),
    }
  }

  return {
    score: createScore({ imaging, admit, observe }),
    admit(targets, deadline) {
      admit(targets, deadline)
    },
    async classify(request) {
      const models = admit(request.targets, request.deadline)
      try {
        for (const served of models) assertPossible(served, request)
        const found = await Promise.all(finder.find(models, request))
        return models.map((served, at) => answer(served, found[at] as Found, request))
      } catch (error) {
        for (const served of models) observe.failed(served, error)
        throw error
      }
    },
  }
}

function labelled({ labels }: ServedModel, { index, probability }: RankedClass): Prediction {
  const { wnid, label } = labels[index] as (typeof labels)[number]
  return wnid === undefined ? { index, label, probability } : { index, wnid, label, probability }
}

/** @throws ServiceError bad_parameter, for what this model cannot give */
function assertPossible(served: ServedModel, { rollup, explain }: ClassifyRequest): void {
  const { model } = served.version
  if (rollup && !canRollUp(served.labels)) {
    throw new ServiceError(
      'bad_parameter',
      `rollup is true; ${model} has labels of its own, which WordNet does not order`,
    )
  }
  if (explain !== undefined) canExplain(served)
}

/** Refuses an image that would find the queue full, or that would be done too late to matter. */
function assertRoom(served: ServedModel, imaging: Imaging, deadline: number): void {
  const { maxQueueSize, maxBatchSize, sessions } = served.options
  const waiting = served.inFlight
  if (waiting >= maxQueueSize + maxBatchSize * sessions) {
    throw overloaded(served.options, served.retryAfterS(served.forecast.finishMs(waiting)))
  }
  const remainingMs = deadline - performance.now()
  if (remainingMs <= 0) {
    throw new ServiceError('deadline_exceeded', 'the time that the request allows has passed')
  }
  const finishMs = surely(served, imaging)
  // An empty service always tries: otherwise one slow batch could close the door for good.
  if (waiting > 0 && finishMs > remainingMs) {
    throw new ServiceError(
      'overloaded',
      `an answer would take about ${Math.round(finishMs)} ms, the request allows ${Math.round(remainingMs)} ms`,
      { retryAfterS: served.retryAfterS(finishMs - remainingMs) },
    )
  }
}
