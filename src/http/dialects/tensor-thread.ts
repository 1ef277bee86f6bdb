// Reads large JSON on threads of its own, for the thread that serves everybody would stand still: parsing the
// numbers of some dozen images takes seconds, and megabytes of base64 a tenth of one. Numbers and encoded images
// have a thread each, so that these never wait for those. It is started when it is first needed.
import { Piscina } from 'piscina'
import type { Cancellation } from '../../cancellation.ts'
import { HttpError } from '../failure.ts'
import { holdsMoreValues, type JsonSize } from '../parse-json.ts'
import {
  type TensorBody,
  type TensorDialect,
  type TensorRequests,
  takesNumbers,
  tensorReaders,
} from './read-tensors.ts'
import { type Answer, type TensorJob, tooManyValues } from './tensor-worker.ts'

/** Read where they are: a thread takes longer to hear of them. */
const fewValues = 10_000
const fewBytes = 2 * 1024 * 1024

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
   * What a dialect makes of a body; of one that costs little at once, on this thread. The body's memory
   * may be handed over: nobody must read it afterwards.
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
  const pools: { numbers?: Piscina; images?: Piscina } = {}
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
      const isNumbers = takesNumbers(dialect) && holdsMoreValues(body.json, fewValues)
      if (!isNumbers && body.json.length <= fewBytes) return tensorReaders[dialect](body)
      const kind = isNumbers ? 'numbers' : 'images'
      pools[kind] ??= open()
      const job = { dialect, body: movable(body), ...(isNumbers ? { most } : {}) }
      // The answer to a job is of the job's dialect.
      return (await runJob(pools[kind], job, signal)) as TensorRequests[typeof dialect]
    },
    async close() {
      await Promise.all([pools.numbers?.destroy(), pools.images?.destroy()])
    },
  }
}

/** JSON and what lies behind it, to be handed over: where they are all that their memory holds, uncopied. */
function movable(body: TensorBody): TensorBody {
  const {
    json,
    binary,
    state: { input, output },
    maxImageBytes,
  } = body
  const state = { ...(input && { input }), ...(output && { output }) }
  const isAll =
    json.buffer === binary.buffer && json.length + binary.length === json.buffer.byteLength
  return {
    json: isAll ? json : new Uint8Array(json),
    binary: isAll ? binary : new Uint8Array(binary),
    ...{ state, maxImageBytes },
  }
}

async function runJob(pool: Piscina, job: TensorJob, signal: Cancellation) {
  const { json, binary } = job.body
  const transferList = [...new Set([json.buffer as ArrayBuffer, binary.buffer as ArrayBuffer])]
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
