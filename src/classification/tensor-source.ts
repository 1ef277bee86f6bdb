// Scores of float32 tensors that clients normalised themselves, as the model's own signature takes
// them. Everybody else's images travel as bytes and are normalised inside the session, so tensors
// have sessions of their own: started when somebody first sends one, ended when nobody does any more.
import {
  type Batched,
  type Batcher,
  createBatcher,
  type SubmitOptions,
} from '../batching/batcher.ts'
import { ServiceError } from '../errors.ts'
import type { Scores, SessionPool } from '../sessions/session-pool.ts'

export interface TensorSource {
  /**
   * @param tensor the bytes of float32 [height, width, 3]
   * @throws ServiceError overloaded, deadline_exceeded, session_failed
   */
  infer(tensor: Uint8Array, options: SubmitOptions): Promise<Batched<Scores>>
  close(): Promise<void>
}

export interface TensorSourceOptions {
  readonly model: string
  readonly open: () => Promise<SessionPool>
  readonly sessions: number
  readonly maxBatchSize: number
  readonly maxQueueSize: number
  /** A batch of this many tensors took so long. */
  readonly ran: (size: number, ms: number) => void
}

interface Opened {
  readonly pool: SessionPool
  readonly batcher: Batcher<Uint8Array, Scores>
}

/** Sessions that nobody asked for so long are ended: they hold the weights once more. */
const idleMs = 300_000

export function createTensorSource(options: TensorSourceOptions): TensorSource {
  let opening: Promise<Opened> | undefined
  let users = 0
  let timer: NodeJS.Timeout | undefined

  async function open(): Promise<Opened> {
    try {
      const pool = await options.open()
      return { pool, batcher: batcherOn(pool, options) }
    } catch (cause) {
      opening = undefined
      throw cannotOpen(options.model, cause)
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
    async infer(tensor, submit) {
      users += 1
      clearTimeout(timer)
      try {
        opening ??= open()
        const { batcher } = await opening
        return await batcher.submit(tensor, submit)
      } finally {
        users -= 1
        if (users === 0) timer = setTimeout(() => void close(), idleMs).unref()
      }
    },
    close,
  }
}

function batcherOn(
  pool: SessionPool,
  { model, sessions, maxBatchSize, maxQueueSize, ran }: TensorSourceOptions,
): Batcher<Uint8Array, Scores> {
  return createBatcher({
    lease: async () => {
      const lease = await pool.lease()
      return {
        async run(tensors) {
          const startedAt = performance.now()
          const outcomes = await lease.run(tensors)
          ran(tensors.length, performance.now() - startedAt)
          return outcomes
        },
        release: () => lease.release(),
      }
    },
    maxLeases: sessions,
    maxSize: maxBatchSize,
    maxDelayMs: 0,
    maxQueue: maxQueueSize,
    rejectFull: () =>
      new ServiceError('overloaded', `${model} has ${maxQueueSize} tensors waiting; try later`, {
        retryAfterS: 1,
      }),
    rejectLate: () => new ServiceError('deadline_exceeded', 'the tensor waited past its deadline'),
  })
}

function cannotOpen(model: string, cause: unknown): ServiceError {
  const message = `the sessions that take float tensors for ${model} cannot be started; send pixels or images`
  return new ServiceError('not_ready', message, { cause, retryAfterS: 5 })
}
