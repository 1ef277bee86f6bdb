// Class maps of a model: how much each place of the image speaks for each class. They come from
// sessions of their own, started when somebody first asks and ended when nobody does any more, so
// that requests without `explain` pay neither time nor memory for them.
import { type Batcher, createBatcher, type SubmitOptions } from '../batching/batcher.ts'
import { ModelError, ServiceError } from '../errors.ts'
import type { Scores, SessionPool } from '../sessions/session-pool.ts'

export interface MapSource {
  /** Why there can be none, once that is known. */
  readonly refusal: ServiceError | undefined
  /**
   * float32 [height * width, classes], rows from the top left.
   * @throws ServiceError bad_parameter where the model has no such maps
   */
  mapsOf(crop: Uint8Array, options: SubmitOptions): Promise<Float32Array>
  close(): Promise<void>
}

export interface MapSourceOptions {
  readonly model: string
  /** Starts the sessions. @throws ModelError where the model has no class maps */
  readonly open: () => Promise<SessionPool>
  readonly maxBatchSize: number
}

interface Opened {
  readonly pool: SessionPool
  readonly batcher: Batcher<Uint8Array, Scores>
}

/** Sessions that nobody asked for so long are ended: they hold the weights once more. */
const idleMs = 300_000

/** Explanations that wait: each is asked for by a person, so a few are many. */
const maxWaiting = 32

export function createMapSource(options: MapSourceOptions): MapSource {
  let opening: Promise<Opened> | undefined
  let refusal: ServiceError | undefined
  let timer: NodeJS.Timeout | undefined

  async function open(): Promise<Opened> {
    try {
      const pool = await options.open()
      return { pool, batcher: batcherOn(pool, options.maxBatchSize) }
    } catch (error) {
      opening = undefined
      if (error instanceof ModelError) refusal = noMaps(options.model, error)
      throw refusal ?? error
    }
  }

  async function close(): Promise<void> {
    clearTimeout(timer)
    const before = opening
    opening = undefined
    const opened = await before?.catch(() => undefined)
    await opened?.batcher.idle()
    await opened?.pool.close()
  }

  return {
    get refusal() {
      return refusal
    },
    async mapsOf(crop, submit) {
      clearTimeout(timer)
      opening ??= open()
      const { batcher } = await opening
      try {
        return (await batcher.submit(crop, submit)).value.scores
      } finally {
        clearTimeout(timer)
        timer = setTimeout(() => void close(), idleMs).unref()
      }
    },
    close,
  }
}

function batcherOn(pool: SessionPool, maxSize: number): Batcher<Uint8Array, Scores> {
  return createBatcher({
    lease: () => pool.lease(),
    maxLeases: 1,
    maxSize,
    maxDelayMs: 0,
    maxQueue: maxWaiting,
    rejectFull: () =>
      new ServiceError('overloaded', `${maxWaiting} explanations are waiting; try again later`, {
        retryAfterS: 1,
      }),
    rejectLate: () => new ServiceError('deadline_exceeded', 'the image waited past its deadline'),
  })
}

function noMaps(model: string, error: ModelError): ServiceError {
  return new ServiceError(
    'bad_parameter',
    `explain: ${model} gives no class maps; it would have to end in global average pooling and one dense layer`,
    { cause: error },
  )
}
