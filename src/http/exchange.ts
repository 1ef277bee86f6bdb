// One request that wants an image classified, from admission to answer: its deadline, the signal
// that ends it early, and what the log will say of it.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Cancellation, CancellationSource } from '../cancellation.ts'
import { ServiceError } from '../errors.ts'
import { HttpError } from './failure.ts'

export interface Exchange {
  /** `performance.now()` when the headers had arrived. */
  readonly startedAt: number
  /** `performance.now()` by which the answer must be there. */
  readonly deadline: number
  /** Aborted with the error to answer: upload_too_slow, deadline_exceeded or client_gone. */
  readonly signal: Cancellation
}

export interface ExchangeOptions {
  readonly startedAt: number
  readonly requestTimeoutMs: number
  /** What the client allows, in milliseconds; never above `requestTimeoutMs`. */
  readonly clientTimeoutMs?: number | undefined
  /** Called when the answer is out, or the client gone. */
  readonly ended: () => void
}

/** Starts the clock of a request. It stops by itself when the answer is out or the client gone. */
export function beginExchange(
  request: FastifyRequest,
  reply: FastifyReply,
  { startedAt, requestTimeoutMs, clientTimeoutMs, ended }: ExchangeOptions,
): Exchange {
  const timeoutMs = Math.min(requestTimeoutMs, clientTimeoutMs ?? requestTimeoutMs)
  const deadline = startedAt + timeoutMs
  const signal = new CancellationSource()
  const late = () => {
    // While the body is still coming and the time was ours to give, the upload is to blame.
    const isUpload = !request.raw.complete && timeoutMs === requestTimeoutMs
    signal.abort(isUpload ? uploadTooSlow(timeoutMs) : deadlineExceeded(timeoutMs))
  }
  const timer = setTimeout(late, Math.max(0, deadline - performance.now()))
  reply.raw.on('close', () => {
    clearTimeout(timer)
    ended()
    if (!reply.raw.writableFinished) {
      signal.abort(new ServiceError('client_gone', 'the client closed the connection'))
    }
  })
  return { startedAt, deadline, signal }
}

function uploadTooSlow(timeoutMs: number): HttpError {
  return new HttpError(
    'upload_too_slow',
    `the body was not complete after ${timeoutMs} ms; send a smaller image or use a faster link`,
  )
}

function deadlineExceeded(timeoutMs: number): ServiceError {
  return new ServiceError('deadline_exceeded', `there was no answer within ${timeoutMs} ms`)
}

/** The result of `work`, or the signal's reason if that comes first. */
export function orAborted<Value>(work: Promise<Value>, signal: Cancellation): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    const done = () => signal.removeEventListener('abort', abort)
    work.then(
      (value) => {
        done()
        resolve(value)
      },
      (error) => {
        done()
        reject(error)
      },
    )
  })
}
