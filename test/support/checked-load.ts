// A load whose every answer is checked: an image that gets another image's answer is found out.
import { Pool } from 'undici'
import { type KnownImage, tolerance } from './known-images.ts'

export interface LoadOptions {
  /** Base address, e.g. http://127.0.0.1:8080 */
  readonly origin: string
  readonly model: string
  readonly images: readonly KnownImage[]
  /** Clients that each wait for their answer before they send again. */
  readonly clients: number
  /** Requests a second, sent whether or not earlier ones were answered; `clients` bounds them. */
  readonly ratePerS?: number
  /** Milliseconds that a client rests after each answer; 0 sends at once. */
  readonly restMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Other than whether it is the image's own; `sentAt` is in `performance.now()` milliseconds. */
  readonly isRight?: (answer: Answer, image: KnownImage, sentAt: number) => boolean
}

export interface LoadFigure {
  sent: number
  ok: number
  /** Answers that belong to another image, or to none. */
  wrong: number
  /** Refusals by status and code, e.g. `429 overloaded`. */
  readonly refused: Record<string, number>
  /** 429 and 503 that did not say when to come back. */
  withoutRetryAfter: number
  /** Requests without an answer: what the client saw instead. */
  readonly lost: string[]
  readonly okMs: number[]
  readonly refusedMs: number[]
}

export interface Load {
  readonly figure: LoadFigure
  readonly startedAt: number
  stop(): Promise<LoadFigure>
}

/** No answer after this is no answer. */
const maxWaitMs = 30_000

export function startLoad(options: LoadOptions): Load {
  const { origin, clients, restMs = 0, ratePerS } = options
  const pool = new Pool(origin, {
    connections: clients,
    pipelining: 1,
    headersTimeout: maxWaitMs,
    bodyTimeout: maxWaitMs,
  })
  const figure: LoadFigure = {
    ...{ sent: 0, ok: 0, wrong: 0, withoutRetryAfter: 0 },
    ...{ refused: {}, lost: [], okMs: [], refusedMs: [] },
  }
  let running = true
  const client = async () => {
    while (running) {
      await sendOne(pool, options, figure)
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    }
  }
  const crowd = async () => {
    const waiting = new Set<Promise<void>>()
    const startedAt = performance.now()
    for (let due = 0; running; ) {
      const late = ((performance.now() - startedAt) * (ratePerS ?? 0)) / 1000 - due
      for (let i = 0; i < late; i++, due++) {
        if (waiting.size >= clients) continue // a client that cannot send yet is no request
        const request = sendOne(pool, options, figure).finally(() => waiting.delete(request))
        waiting.add(request)
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await Promise.all(waiting)
  }
  const done =
    ratePerS === undefined ? Promise.all(Array.from({ length: clients }, client)) : crowd()
  return {
    figure,
    startedAt: performance.now(),
    async stop() {
      running = false
      await done
      await pool.close()
      return figure
    },
  }
}

async function sendOne(pool: Pool, options: LoadOptions, figure: LoadFigure): Promise<void> {
  const { images, model, headers = {}, isRight = isAnswerOf } = options
  const image = images[figure.sent++ % images.length] as KnownImage
  const before = performance.now()
  try {
    const {
      statusCode,
      headers: answered,
      body,
    } = await pool.request({
      method: 'POST',
      path: `/v1/classify?model=${model}&top_k=10`,
      headers,
      body: image.body,
    })
    const answer = (await body.json()) as Answer
    const ms = performance.now() - before
    if (statusCode === 200) {
      figure.okMs.push(ms)
      if (isRight(answer, image, before)) figure.ok++
      else figure.wrong++
      return
    }
    figure.refusedMs.push(ms)
    const reason = `${statusCode} ${answer.code}`
    figure.refused[reason] = (figure.refused[reason] ?? 0) + 1
    const waits = statusCode === 429 || statusCode === 503
    if (waits && !(Number(answered['retry-after']) >= 1)) figure.withoutRetryAfter++
  } catch (error) {
    figure.lost.push(causeOf(error))
    await new Promise((resolve) => setTimeout(resolve, 20)) // a refused connection must not spin
  }
}

export interface Answer {
  readonly code?: string
  readonly version?: string
  readonly predictions?: readonly { readonly index: number; readonly probability: number }[]
}

/** Whether an answer of all classes is the one that `image` has. */
export function isAnswerOf({ predictions = [] }: Answer, { expected }: KnownImage): boolean {
  if (predictions.length !== expected.length) return false
  return predictions.every(
    ({ index, probability }) => Math.abs(probability - (expected[index] ?? 2)) <= tolerance,
  )
}

function causeOf(error: unknown): string {
  const { code, message, cause } = error as { code?: string; message: string; cause?: Error }
  return `${code ?? message}${cause === undefined ? '' : ` (${cause.message})`}`
}
