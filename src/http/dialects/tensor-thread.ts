// Reads large JSON tensors on a thread of its own: parsing the numbers of some dozen images takes seconds, for
// which the thread that serves everybody would stand still. It is started when it is first needed.
import { Piscina } from 'piscina'
import type { Cancellation } from '../../cancellation.ts'
import { HttpError } from '../failure.ts'
import { holdsMoreValues, type JsonSize } from '../parse-json.ts'
import {
  type TensorBody,
  type TensorDialect,
  type TensorRequests,
  tensorReaders,
} from './read-tensors.ts'
import { type Answer, type TensorJob, tooManyValues } from './tensor-worker.ts'

/** Read where they are: a thread takes longer to hear of them. */
const fewValues = 10_000

const most: JsonSize = {
  // The densest JSON of images that fits `maxJsonTensorBytes`: pixels of one digit each, three a list.
  listBytes: 320 * 1024 * 1024,
  // Images have one or two each. Millions of different names take V8 many seconds.
  properties: 10_000,
  // [count, height, width, channels], in a list or two more than needed.
  depth: 16,
}
/** Its lists, the text itself, and the garbage of parsing; what needs more ends the thread, not the process. */
const maxOldGenerationSizeMb = 640
/** Clients that send numbers send them again: a thread takes a while to start. */
const idleTimeoutMs = 60_000

export interface TensorThread {
  /**
   * What a dialect makes of a body; of one that costs little at once, on this thread.
   * @throws HttpError bad_request, body_too_large, image_missing; the signal's reason
   */
  read<Dialect extends TensorDialect>(
    dialect: Dialect,
    body: TensorBody,
    signal: Cancellation,
  ): Promise<TensorRequests[Dialect]>
  close(): Promise<void>
}

export function createTensorThread(): TensorThread {
  let pool: Piscina | undefined
  const open = () =>
    new Piscina({
      filename: new URL('./tensor-worker.js', import.meta.url).href,
      name: 'run',
      minThreads: 0,
      maxThreads: 1,
      concurrentTasksPerWorker: 1,
      idleTimeout: idleTimeoutMs,
      resourceLimits: { maxOldGenerationSizeMb },
    })
  return {
    async read(dialect, body, signal) {
      if (!holdsMoreValues(body.json, fewValues)) return tensorReaders[dialect](body)
      pool ??= open()
      const job = { dialect, body: movable(body), most }
      // The answer to a job is of the job's dialect.
      return (await runJob(pool, job, signal)) as TensorRequests[typeof dialect]
    },
    async close() {
      await pool?.destroy()
    },
  }
}

/** JSON and what lies behind it in memory of their own, which is handed over. */
function movable(body: TensorBody): TensorBody {
  const {
    json,
    binary,
    state: { input, output },
    maxImageBytes,
  } = body
  const state = { ...(input && { input }), ...(output && { output }) }
  return { json: new Uint8Array(json), binary: new Uint8Array(binary), state, maxImageBytes }
}

async function runJob(pool: Piscina, job: TensorJob, signal: Cancellation) {
  const { json, binary } = job.body
  const transferList = [json.buffer as ArrayBuffer, binary.buffer as ArrayBuffer]
  const aborted = new AbortController()
  const abort = () => aborted.abort()
  if (signal.aborted) throw signal.reason
  signal.addEventListener('abort', abort)
  try {
    // Who has gone frees the thread: it holds nothing but JavaScript, and may be ended at any time.
    const answer: Answer = await pool.run(job, { transferList, signal: aborted.signal })
    if (answer.ok) return answer.value
    throw new HttpError(answer.code, answer.message)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw isOutOfMemory(error) ? tooManyValues() : error
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function isOutOfMemory(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY'
}
