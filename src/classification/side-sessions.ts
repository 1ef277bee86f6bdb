// Sessions beside those that serve, for what few requests want of a model: started when somebody
// first asks and ended when nobody does any more, so that all others pay neither time nor memory.
import {
  type Batched,
  type Batcher,
  createBatcher,
  type SubmitOptions,
} from '../batching/batcher.ts'
import { ServiceError } from '../errors.ts'
import type { Scores, SessionPool } from '../sessions/session-pool.ts'

export interface SideSessions {
  /** Why the model can have none, once that is known. */
  readonly refusal: ServiceError | undefined
  /** @throws ServiceError overloaded, deadline_exceeded, session_failed; what `refusalOf` makes */
  infer(input: Uint8Array, options: SubmitOptions): Promise<Batched<Scores>>
  /** Ends the sessions once what waits is answered; the next request starts new ones. */
  close(): Promise<void>
}

export interface SideSessionsOptions {
  readonly open: () => Promise<SessionPool>
  /** What a request is told when they cannot be started; `bad_parameter` says that they never can. */
  readonly refusalOf: (cause: unknown) => unknown
  readonly sessions: number
  readonly maxBatchSize: number
  readonly maxQueueSize: number
  /** What waits, e.g. `tensors for resnet50`. */
  readonly what: string
  /** A batch of this many took so long. */
  readonly ran?: (size: number, ms: number) => void
}

interface Opened {
  readonly pool: SessionPool
  readonly batcher: Batcher<Uint8Array, Scores>
}

/** Sessions that nobody asked for so long are ended: they hold the weights once more. */
const idleMs = 300_000

export function createSideSessions(options: SideSessionsOptions): SideSessions {
  let opening: Promise<Opened> | undefined
  let refusal: ServiceError | undefined
  let users = 0
  let timer: NodeJS.Timeout | undefined

  async function open(): Promise<Opened> {
    try {
      const pool = await options.open()
      return { pool, batcher: batcherOn(pool, options) }
    } catch (cause) {
      opening = undefined
      const error = options.refusalOf(cause)
      if (error instanceof ServiceError && error.code === 'bad_parameter') refusal = error
      throw error
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
    async infer(input, submit) {
      if (refusal !== undefined) throw refusal
      users += 1
      clearTimeout(timer)
      try {
        opening ??= open()
        const { batcher } = await opening
        return await batcher.submit(input, submit)
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
  { what, sessions, maxBatchSize, maxQueueSize, ran }: SideSessionsOptions,
): Batcher<Uint8Array, Scores> {
  return createBatcher({
    lease: async () => {
      const lease = await pool.lease()
      return {
        async run(inputs, onStuck) {
          const startedAt = performance.now()
          const outcomes = await lease.run(inputs, onStuck)
          ran?.(inputs.length, performance.now() - startedAt)
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
      new ServiceError('overloaded', `${maxQueueSize} ${what} are waiting; try again later`, {
        retryAfterS: 1,
      }),
    rejectLate: () => new ServiceError('deadline_exceeded', 'the image waited past its deadline'),
  })
}
