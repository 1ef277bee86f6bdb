// The error handler: anything thrown -> problem+json or a dialect's own shape, the log,
// rejected_total.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { errorShapeOf } from './dialects/dialects.ts'
import { failureOf, HttpError } from './failure.ts'
import { observeRequests } from './observe-requests.ts'
import { type Failure, problemOf, problemType } from './problem.ts'
import type { RefusalPace } from './refusal-pace.ts'
import { recordOf } from './request-record.ts'
import { type Refusal, sendRefusal } from './send-refusal.ts'

export type FailureHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void

/** @param pace absent where nothing is ever refused for its number */
export function createFailureHandler(metrics: Metrics, pace?: RefusalPace): FailureHandler {
  return (error, request, reply) => {
    const failure = noteFailure(error, request, metrics)
    const dialect = errorShapeOf(request)
    const body = dialect?.bodyOf(failure, request) ?? problemOf(failure, request.id)
    const refusal = {
      status: failure.status,
      contentType: dialect === undefined ? problemType : 'application/json; charset=utf-8',
      body: JSON.stringify(body),
      headers: failureHeaders(failure),
    }
    const { status, retryAfterS = 0 } = failure
    const delayMs = status === 429 ? (pace?.delayMs(request, retryAfterS * 1000) ?? 0) : 0
    if (delayMs === 0) sendRefusal(request, reply, refusal)
    else sendLater(request, reply, { refusal, delayMs })
  }
}

/** Meanwhile the body is discarded: a crowd that waits for its refusals must not fill the memory. */
function sendLater(
  request: FastifyRequest,
  reply: FastifyReply,
  { refusal, delayMs }: { readonly refusal: Refusal; readonly delayMs: number },
): void {
  request.raw.unpipe().resume()
  const timer = setTimeout(() => {
    recordOf(request).respondedAt = performance.now()
    sendRefusal(request, reply, refusal)
  }, delayMs)
  reply.raw.once('close', () => clearTimeout(timer))
}

/** For what Fastify refuses before any hook has run: a path that is no URL. */
export function answerUnrouted(metrics: Metrics, answer: FailureHandler): FailureHandler {
  const observe = observeRequests(metrics)
  return (error, request, reply) => {
    observe(request, reply, () => {})
    reply.headers({ 'x-request-id': request.id, 'x-content-type-options': 'nosniff' })
    answer(error, request, reply)
  }
}

/** Records a failure for log and metrics; who calls it sends the answer. */
export function noteFailure(error: unknown, request: FastifyRequest, metrics: Metrics): Failure {
  const failure = hinted(failureOf(error), request)
  const record = recordOf(request)
  record.failure = failure
  record.respondedAt = performance.now()
  metrics.http.rejected(failure.code)
  return failure
}

/** `curl -d @photo.jpg` takes line breaks and zeros out of the file: what comes is an image no more. */
function hinted(failure: Failure, { headers }: FastifyRequest): Failure {
  const isBroken = ['image_undecodable', 'unsupported_image_format'].includes(failure.code)
  if (!isBroken || !isUrlEncoded(headers['content-type'])) return failure
  const hint = 'if it was sent by curl -d, that took bytes out of the file: use --data-binary'
  return { ...failure, detail: `${failure.detail} (${hint} @photo.jpg, or -F image=@photo.jpg)` }
}

function isUrlEncoded(contentType: string | undefined): boolean {
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType ?? '')
}

/** What belongs to a failure whatever the shape of its body. */
export function failureHeaders({ code, retryAfterS }: Failure): Record<string, string> {
  return {
    ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
    ...(code === 'unauthorized' ? { 'www-authenticate': 'Bearer' } : {}),
    'cache-control': 'no-store',
  }
}

export function routeNotFound(request: FastifyRequest): never {
  const path = request.url.split('?', 1)[0]?.slice(0, 100)
  throw new HttpError('route_not_found', `there is nothing at ${path}; /docs lists what there is`)
}
