// One version of one model that answers requests: its sessions, its batcher, its labels.
import {
  type Batched,
  type Batcher,
  createBatcher,
  type Lease,
  type SubmitOptions,
} from '../batching/batcher.ts'
import { sizeForQueue } from '../batching/size-for-queue.ts'
import { ModelError, ServiceError } from '../errors.ts'
import type { CropRecipe } from '../imaging/imaging.ts'
import type { ModelVersion } from '../repository/repository.ts'
import type { Scores, SessionPool } from '../sessions/session-pool.ts'
import { createForecast, type Forecast } from './forecast.ts'
import { createMapSource, type MapSource } from './map-source.ts'
import { recipeOf } from './recipe.ts'
import { createReturns } from './returns.ts'
import { createSideSessions, type SideSessions } from './side-sessions.ts'
import { createStatistics, type StatisticsRecorder } from './statistics.ts'
import type { LabelRow } from './types.ts'

/** What a served model reports while it works; a metric each. */
export interface ServedModelObserver {
  queued(depth: number): void
  batch(size: number): void
}

export interface ServedModelOptions {
  readonly version: ModelVersion
  readonly pool: SessionPool
  readonly labels: readonly LabelRow[]
  readonly sessions: number
  readonly threadsPerSession: number
  readonly maxBatchSize: number
  /** Images that run together while few wait; `maxBatchSize` where that is always right. */
  readonly smallBatchSize: number
  readonly maxQueueDelayMs: number
  readonly maxQueueSize: number
  /** Starts the sessions that take float32 tensors as the model's own signature has them. */
  readonly openTensors: () => Promise<SessionPool>
  /** Starts the sessions that give logits, of a model that serves probabilities. */
  readonly openLogits: () => Promise<SessionPool>
  /** Starts the sessions that make class maps; see map-source.ts. */
  readonly openMaps: () => Promise<SessionPool>
  readonly observe: ServedModelObserver
}

export interface ServedModel {
  readonly version: ModelVersion
  readonly pool: SessionPool
  readonly labels: readonly LabelRow[]
  readonly recipe: CropRecipe
  readonly options: ServedModelOptions
  readonly forecast: Forecast
  /** For clients that normalised their images themselves; all others' travel as bytes. */
  readonly tensors: SideSessions
  /** For clients that want what the model gives before its softmax, or another function of it. */
  readonly logits: SideSessions
  readonly statistics: StatisticsRecorder
  readonly maps: MapSource
  /** Tells it from everything else that served or will: model, version, files, and what runs them. */
  readonly key: string
  /**
   * The same, as far as other machines have it equal. Made once, since every answer's ETag depends
   * on it.
   */
  readonly identity: string
  /** Images this model still owes an answer, wherever they are. */
  readonly inFlight: number
  /** Images waiting for a session. */
  readonly queueDepth: number
  /** Whole seconds after which a client may come back that is refused now, at least one. */
  retryAfterS(waitMs: number): number
  /** Counts an image in; the function it gives counts it out again. */
  enter(): () => void
  /** @throws ServiceError overloaded, deadline_exceeded, session_failed, image_refused */
  infer(crop: Uint8Array, options: SubmitOptions): Promise<Batched<Scores>>
  /** Waits until every image it was given is answered, then ends its sessions. */
  retire(): Promise<void>
}

/**
 * Models in use on one device take turns, a batch each: the turn of a slow model is kept this short,
 * so that a flood for it does not make a quick one wait for whole batches.
 */
const turnMs = 200

export function createServedModel(options: ServedModelOptions): ServedModel {
  const { version, pool, labels, maxBatchSize } = options
  const sizes = { small: options.smallBatchSize, max: maxBatchSize }
  const forecast = createForecast(() => workingIn(pool), maxBatchSize, pool.warmUpMs)
  const returns = createReturns()
  const statistics = createStatistics()
  const ran = (size: number, ms: number) => {
    forecast.learn(size, ms)
    statistics.ran(size, ms)
  }
  const batcher: Batcher<Uint8Array, Scores> = createBatcher({
    lease: async () => {
      // No more leases are asked for than there are sessions, so what this one waits for is the
      // device that other models share: part of what a batch takes.
      const askedAt = performance.now()
      return learning(await pool.lease(), ran, askedAt)
    },
    maxLeases: options.sessions,
    maxSize: maxBatchSize,
    // Where models take turns, a batch each, a small one would be a small share.
    maxSizeNow: (waiting) =>
      pool.shared ? forecast.sizeWithin(turnMs) : sizeForQueue(waiting, sizes),
    maxDelayMs: options.maxQueueDelayMs,
    batchMs: (size) => forecast.surelyMs(forecast.finishMs(size - 1)),
    maxQueue: options.maxQueueSize,
    rejectFull: () => overloaded(options, retryAfterS(forecast.finishMs(batcher.depth))),
    rejectLate: () => new ServiceError('deadline_exceeded', 'the image waited past its deadline'),
    observe: options.observe,
  })
  const retryAfterS = (waitMs: number) =>
    Math.max(1, Math.ceil(returns.next(waitMs, forecast.eachMs()) / 1000))
  const { tensors, logits } = createSides(options, ran)
  const maps = createMapSource({ model: version.model, open: options.openMaps, maxBatchSize })
  const runs = JSON.stringify([version.model, version.version, pool.description])
  let inFlight = 0
  let emptied: () => void = () => {}
  return {
    version,
    pool,
    labels,
    options,
    forecast,
    tensors,
    logits,
    statistics,
    maps,
    key: `${version.fingerprint} ${runs}`,
    recipe: recipeOf(version.manifest.preprocess, pool.description.input),
    identity: `${version.identity} ${runs}`,
    retryAfterS,
    get inFlight() {
      return inFlight
    },
    get queueDepth() {
      return batcher.depth
    },
    enter() {
      inFlight += 1
      return () => {
        inFlight -= 1
        if (inFlight === 0) emptied()
      }
    },
    infer: (crop, submit) => batcher.submit(crop, submit),
    async retire() {
      if (inFlight > 0) await new Promise<void>((resolve) => (emptied = resolve))
      await batcher.idle()
      await Promise.all([pool, tensors, logits, maps].map((each) => each.close()))
    },
  }
}

/** Sessions that run batches now or could. */
function workingIn({ counts }: SessionPool): number {
  return counts.idle + counts.busy
}

function createSides(
  { version: { model }, ...options }: ServedModelOptions,
  ran: (size: number, ms: number) => void,
): Pick<ServedModel, 'tensors' | 'logits'> {
  const tensors = createSideSessions({
    ...options,
    open: options.openTensors,
    what: `tensors for ${model}`,
    ran,
    refusalOf(cause) {
      const message = `the sessions that take float tensors for ${model} cannot be started; send pixels or images`
      return new ServiceError('not_ready', message, { cause, retryAfterS: 5 })
    },
  })
  const logits = createSideSessions({
    ...options,
    open: options.openLogits,
    sessions: 1, // few clients ask for them
    what: `images for the logits of ${model}`,
    ran,
    refusalOf(cause) {
      if (!(cause instanceof ModelError)) return cause
      const message = `${model} gives probabilities and has no output "logits"; what they were made from is gone`
      return new ServiceError('bad_parameter', message, { cause })
    },
  })
  return { tensors, logits }
}

/** A lease whose run tells how long a batch of its size took. */
function learning(
  lease: Lease<Uint8Array, Scores>,
  ran: (size: number, ms: number) => void,
  askedAt: number,
): Lease<Uint8Array, Scores> {
  return {
    async run(crops, onStuck) {
      let isStuck = false
      const outcomes = await lease.run(crops, () => {
        isStuck = true
        onStuck()
      })
      // A session that hung tells nothing of how long a batch takes.
      if (!isStuck) ran(crops.length, performance.now() - askedAt)
      return outcomes
    },
    release: () => lease.release(),
  }
}

/** The refusal of an image for which there is no room, with the time after which there may be. */
export function overloaded(
  { version, maxQueueSize }: ServedModelOptions,
  retryAfterS: number,
): ServiceError {
  return new ServiceError(
    'overloaded',
    `${version.model} has ${maxQueueSize} images waiting, which is all it holds; try again later`,
    { retryAfterS },
  )
}
