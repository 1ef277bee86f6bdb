// A load that goes on while servers come and go, and that counts every request that failed:
// an answer other than 200, a broken connection, or none in time.
import { Agent, request } from 'undici'

export interface SteadyLoad {
  /** What happened since the last look, or since the start. */
  look(): LoadCount
  /** Stops after the answers still awaited. @returns the count of all */
  stop(): Promise<LoadCount>
}

export interface LoadCount {
  readonly answered: number
  readonly failed: number
  readonly seconds: number
  /** Milliseconds; 0 where nothing was answered. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** The first few failures, to be shown. */
  readonly failures: readonly string[]
}

export interface SteadyLoadOptions {
  readonly url: string
  readonly clients: number
  readonly bodies: readonly Uint8Array[]
}

/** Longer than any answer should take here, so that a hang counts as a failure. */
const answerTimeoutMs = 30_000
const shownFailures = 5

export function startSteadyLoad({ url, clients, bodies }: SteadyLoadOptions): SteadyLoad {
  const agent = new Agent({ connections: clients, headersTimeout: answerTimeoutMs })
  const all = createCounter()
  let recent = createCounter()
  let stopped = false
  let sent = 0
  const send = async () => {
    const startedAt = performance.now()
    try {
      const body = bodies[sent++ % bodies.length] as Uint8Array
      const answer = await request(url, { method: 'POST', body, dispatcher: agent })
      const text = await answer.body.text()
      const failure = answer.statusCode === 200 ? '' : `${answer.statusCode}: ${text.slice(0, 200)}`
      for (const counter of [all, recent]) counter.add(performance.now() - startedAt, failure)
    } catch (error) {
      for (const counter of [all, recent]) counter.add(0, String(error))
    }
  }
  const client = async () => {
    while (!stopped) await send()
  }
  const running = Array.from({ length: clients }, client)
  return {
    look() {
      const count = recent.count()
      recent = createCounter()
      return count
    },
    async stop() {
      stopped = true
      await Promise.all(running)
      await agent.close()
      return all.count()
    },
  }
}

function createCounter() {
  const startedAt = performance.now()
  const latenciesMs: number[] = []
  const failures: string[] = []
  let failed = 0
  const at = (share: number) => {
    const sorted = latenciesMs.toSorted((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  }
  return {
    add(latencyMs: number, failure: string): void {
      if (failure === '') latenciesMs.push(latencyMs)
      else {
        failed += 1
        if (failures.length < shownFailures) failures.push(failure)
      }
    },
    count: (): LoadCount => ({
      answered: latenciesMs.length,
      failed,
      seconds: (performance.now() - startedAt) / 1000,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      failures,
    }),
  }
}
