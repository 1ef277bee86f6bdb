// Clients that each send the next image when the last one was answered, for a number of seconds.
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'

export interface LoopOptions {
  readonly origin: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly bodies: readonly Uint8Array[]
  readonly clients: number
  readonly seconds: number
}

export interface LoopFigures {
  readonly perSecond: number
  /** Of each answered request, shortest first. */
  readonly timesMs: readonly number[]
  /** Milliseconds of each stage of a request, by Server-Timing, summed over the answered ones. */
  readonly stagesMs: ReadonlyMap<string, number>
  /** Answers 429: the service had more to do than it takes. */
  readonly refused: number
  /** By what went wrong: a status or the connection's error. */
  readonly failures: ReadonlyMap<string, number>
}

/** Not counted: the queue fills, code is compiled. */
const settleMs = 1500
/** A client that got no answer comes back after this, so that refusals are not what is measured. */
const pauseAfterRefusalMs = 1000

export async function closedLoop(options: LoopOptions): Promise<LoopFigures> {
  const { origin, path, headers = {}, bodies, clients, seconds } = options
  const pool = new Pool(origin, { connections: clients })
  const from = performance.now() + settleMs
  const until = from + seconds * 1000
  const tally = createTally()
  let sent = 0
  const client = async () => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      const body = bodies[sent++ % bodies.length] as Uint8Array
      const answer = await post(pool, { path, headers, body })
      const now = performance.now()
      if (now >= from && now < until) tally.count(answer, now - startedAt)
      if (answer.status !== 200) await sleep(pauseAfterRefusalMs)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  await pool.close()
  return tally.figures(seconds)
}

interface Answer {
  readonly status: number | string
  /** The header Server-Timing: `decode;dur=5.1, queue;dur=0.2, infer;dur=48.9`. */
  readonly timing: string
}

const stageOf = /\b(\w+);dur=([\d.]+)/g

function createTally() {
  const timesMs: number[] = []
  const stagesMs = new Map<string, number>()
  const failures = new Map<string, number>()
  let refused = 0
  return {
    count({ status, timing }: Answer, tookMs: number): void {
      if (status === 200) {
        timesMs.push(tookMs)
        for (const [, stage = '', ms] of timing.matchAll(stageOf)) add(stagesMs, stage, Number(ms))
      } else if (status === 429) refused += 1
      else add(failures, String(status), 1)
    },
    figures(seconds: number): LoopFigures {
      timesMs.sort((a, b) => a - b)
      return { perSecond: timesMs.length / seconds, timesMs, stagesMs, refused, failures }
    },
  }
}

interface Post {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

async function post(pool: Pool, request: Post): Promise<Answer> {
  try {
    const { statusCode, headers, body } = await pool.request({ method: 'POST', ...request })
    await body.dump()
    return { status: statusCode, timing: String(headers['server-timing'] ?? '') }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { status: code ?? message, timing: '' }
  }
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value)
}
