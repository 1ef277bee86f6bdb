// Many slow clients at once: some drip an upload and begin again whenever they are closed, the
// others hold a connection and do nothing.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

export interface CrowdOptions {
  /** Base address, e.g. http://127.0.0.1:8080 */
  readonly origin: string
  readonly drips: number
  readonly idlers: number
  /** Milliseconds between two bytes of one upload. */
  readonly dripEveryMs: number
  /** The first uploads begin spread over so many milliseconds. */
  readonly spreadMs: number
}

/** One dripped upload: how long its connection lived, and the status it was answered with. */
export interface DripLife {
  readonly ms: number
  readonly answer: string
}

/** Resolves when all are connected, with the function that ends them and tells of every drip. */
export async function startCrowd(workerData: CrowdOptions): Promise<() => Promise<DripLife[]>> {
  const worker = new Worker(new URL('./crowd-worker.js', import.meta.url), { workerData })
  await once(worker, 'message')
  return async () => {
    worker.postMessage('end')
    const [lives] = (await once(worker, 'message')) as [DripLife[]]
    await worker.terminate()
    return lives
  }
}
