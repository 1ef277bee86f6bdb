// A closed-loop load: each client sends its next request when the last was answered.
import { Pool } from 'undici'
import { percentile } from './statistics.ts'

export interface LoadOptions {
  /** Base address, e.g. http://127.0.0.1:8080 */
  readonly origin: string
  readonly path: string
  readonly clients: number
  readonly durationMs: number
  readonly bodies: readonly Uint8Array[]
}

export interface LoadFigure {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly statuses: Readonly<Record<number, number>>
  /** The last `Server-Timing` header, for a look at the stages. */
  readonly serverTiming: string
}

export async function closedLoop(options: LoadOptions): Promise<LoadFigure> {
  const { origin, path, clients, durationMs, bodies } = options
  const pool = new Pool(origin, { connections: clients, pipelining: 1 })
  const latenciesMs: number[] = []
  const statuses: Record<number, number> = {}
  let serverTiming = ''
  const startedAt = performance.now()
  let sent = 0
  const client = async () => {
    while (performance.now() - startedAt < durationMs) {
      const body = bodies[sent++ % bodies.length] as Uint8Array
      const before = performance.now()
      const response = await pool.request({ method: 'POST', path, body })
      await response.body.dump()
      latenciesMs.push(performance.now() - before)
      statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1
      serverTiming = String(response.headers['server-timing'] ?? serverTiming)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - startedAt) / 1000
  await pool.close()
  return {
    requestsPerSecond: latenciesMs.length / seconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p95Ms: percentile(latenciesMs, 0.95),
    p99Ms: percentile(latenciesMs, 0.99),
    statuses,
    serverTiming,
  }
}
