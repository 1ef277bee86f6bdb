// Class maps of a model: how much each place of the image speaks for each class.
import type { SubmitOptions } from '../batching/batcher.ts'
import { ModelError, ServiceError } from '../errors.ts'
import type { SessionPool } from '../sessions/session-pool.ts'
import { createSideSessions } from './side-sessions.ts'

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

/** Explanations that wait: each is asked for by a person, so a few are many. */
const maxWaiting = 32

export function createMapSource({ model, open, maxBatchSize }: MapSourceOptions): MapSource {
  const sessions = createSideSessions({
    open,
    refusalOf: (error) => (error instanceof ModelError ? noMaps(model, error) : error),
    sessions: 1,
    maxBatchSize,
    maxQueueSize: maxWaiting,
    what: `explanations of ${model}`,
  })
  return {
    get refusal() {
      return sessions.refusal
    },
    mapsOf: async (crop, submit) => (await sessions.infer(crop, submit)).value.scores,
    close: () => sessions.close(),
  }
}

function noMaps(model: string, error: ModelError): ServiceError {
  return new ServiceError(
    'bad_parameter',
    `explain: ${model} gives no class maps; it would have to end in global average pooling and one dense layer`,
    { cause: error },
  )
}
