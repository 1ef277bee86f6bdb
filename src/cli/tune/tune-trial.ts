// One setting on trial: a service with it, in a process of its own, under a closed loop of clients.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { madePhotographs } from '../../imaging/made-photographs.ts'

export interface TuneSetting {
  readonly sessions: number
  readonly threads: number
  readonly maxBatchSize: number
  readonly maxQueueDelayMs: number
}

export interface Trial extends TuneSetting {
  readonly imagesPerSecond: number
  readonly p99Ms: number
}

interface TrialOptions {
  readonly model: string
  readonly clients: number
  readonly seconds: number
}

/** Not counted: the queue fills, code is compiled. */
const settleMs = 1500

export async function measureSetting(setting: TuneSetting, options: TrialOptions): Promise<Trial> {
  const { child, origin } = await startService(setting, options.model)
  try {
    return { ...setting, ...(await drive(origin, options)) }
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
}

async function startService(
  { sessions, threads, maxBatchSize, maxQueueDelayMs }: TuneSetting,
  model: string,
): Promise<{ child: ChildProcess; origin: string }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../bin.cjs', import.meta.url)), 'serve'],
    {
      env: {
        ...process.env,
        PORT: '0',
        HOST: '127.0.0.1',
        API_KEYS: '',
        MODELS: model,
        DEFAULT_MODEL: model,
        LOG_LEVEL: 'info',
        SESSIONS_PER_DEVICE: String(sessions),
        THREADS_PER_SESSION: String(threads),
        MAX_BATCH_SIZE: String(maxBatchSize),
        MAX_QUEUE_DELAY_MS: String(maxQueueDelayMs),
        SHARE_IN_FLIGHT: 'off', // clients of this trial send the same few images again and again
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const origin = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the service ended with exit code ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /"address":"(http[^"]+)"/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
  return { child, origin }
}

async function drive(origin: string, { model, clients, seconds }: TrialOptions) {
  const bodies = await madePhotographs()
  const pool = new Pool(origin, { connections: clients })
  const from = performance.now() + settleMs
  const until = from + seconds * 1000
  const timesMs: number[] = []
  let sent = 0
  const client = async () => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      const body = bodies[sent++ % bodies.length] as Uint8Array
      const path = `/v1/classify?model=${encodeURIComponent(model)}`
      const answer = await pool.request({ method: 'POST', path, body })
      await answer.body.dump()
      const now = performance.now()
      if (answer.statusCode === 200 && now >= from && now < until) timesMs.push(now - startedAt)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  await pool.close()
  if (timesMs.length === 0) throw new Error('no answer within the measured time')
  timesMs.sort((a, b) => a - b)
  return {
    imagesPerSecond: timesMs.length / seconds,
    p99Ms: timesMs[Math.floor(timesMs.length * 0.99)] ?? Number.NaN,
  }
}
