// Load on one contender: closed loop (each client sends its next request when the last was answered)
// or open loop (requests arrive when they arrive, as a Poisson process, answered or not).
import { Pool } from 'undici'
import { percentile } from '../support/statistics.ts'

export interface Target {
  readonly origin: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Encoded request bodies, one an image. */
  readonly bodies: readonly Uint8Array[]
}

export interface LoadFigure {
  /** Answers with status 200 a second, in the window. */
  readonly imagesPerSecond: number
  /** Those of them that came within `goodMs`. */
  readonly goodput: number
  /** Answers with another status, and requests without an answer, a second. */
  readonly failedPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

export interface LoadOptions {
  /** Not counted: queues fill, JITs work. */
  readonly settleMs: number
  readonly windowMs: number
}

/** An answer that takes longer is of no use to an interactive client. */
export const goodMs = 250

/** Longer than any queue here: who waits for it has no answer. */
const answerLimitMs = 60_000

interface Answer {
  readonly at: number
  readonly ms: number
  readonly ok: boolean
}

export async function closedLoop(target: Target, clients: number, options: LoadOptions) {
  const run = begin(target, clients, options)
  const client = async () => {
    while (performance.now() < run.endAt) {
      const pauseMs = await run.send(performance.now())
      // A client that was refused and hammers on would measure how fast refusals are.
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  const clientsDone = Promise.all(Array.from({ length: clients }, client))
  return await run.figure(clientsDone)
}

/** Who was refused waits for as long as `Retry-After` says, or this long where nothing does. */
const refusedPauseMs = 1000

function pauseAfter(statusCode: number, retryAfter: string | string[] | undefined): number {
  if (statusCode === 200) return 0
  return Math.max(refusedPauseMs, (Number(retryAfter) || 0) * 1000)
}

/** @param perSecond mean arrivals */
export async function openLoop(target: Target, perSecond: number, options: LoadOptions) {
  const run = begin(target, openConnections, options)
  const arrivals = async () => {
    let at = performance.now()
    while (at < run.endAt) {
      at += (-Math.log(1 - Math.random()) / perSecond) * 1000
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))
      void run.send(at) // latency counts from when it should have been sent
    }
  }
  return await run.figure(arrivals())
}

/** More than any contender is asked to hold at once. */
const openConnections = 1024

function begin(target: Target, connections: number, { settleMs, windowMs }: LoadOptions) {
  const { origin, path, headers, bodies } = target
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    headersTimeout: answerLimitMs,
    bodyTimeout: answerLimitMs,
  })
  const from = performance.now() + settleMs
  const endAt = from + windowMs
  const answers: Answer[] = []
  let sent = 0

  /** @returns milliseconds to wait before the next request; 0 after an answer */
  async function send(startedAt: number): Promise<number> {
    const body = bodies[sent++ % bodies.length] as Uint8Array
    const pauseMs = await pool.request({ method: 'POST', path, headers, body }).then(
      async (response) => {
        await response.body.dump()
        return pauseAfter(response.statusCode, response.headers['retry-after'])
      },
      () => refusedPauseMs,
    )
    const at = performance.now()
    answers.push({ at, ms: at - startedAt, ok: pauseMs === 0 })
    return pauseMs
  }

  async function figure(work: Promise<unknown>): Promise<LoadFigure> {
    const over = new Promise((resolve) => setTimeout(resolve, settleMs + windowMs))
    await Promise.race([Promise.all([work, over]), over])
    const counted = answers.filter(({ at }) => at >= from && at < endAt)
    await pool.destroy() // what is still waiting leaves: the window is over
    return summarize(counted, windowMs / 1000)
  }

  return { endAt, send, figure }
}

function summarize(answers: readonly Answer[], seconds: number): LoadFigure {
  const good = answers.filter(({ ok }) => ok)
  const times = good.map(({ ms }) => ms)
  return {
    imagesPerSecond: good.length / seconds,
    goodput: good.filter(({ ms }) => ms <= goodMs).length / seconds,
    failedPerSecond: (answers.length - good.length) / seconds,
    p50Ms: percentile(times, 0.5),
    p95Ms: percentile(times, 0.95),
    p99Ms: percentile(times, 0.99),
  }
}
