// One log line and one observation a request, also for clients that left before their answer.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { isHealth } from './access.ts'
import type { RequestTracer } from './options.ts'
import { type RequestRecord, recordOf } from './request-record.ts'
import { traceIdsOf } from './trace-ids.ts'

/** Longest piece of a client's path that is logged. */
const maxPathLength = 200

/** An onRequest hook that reports when the connection is done with the request. */
export function observeRequests(metrics: Metrics, tracer?: RequestTracer) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const record = recordOf(request)
    const trace =
      tracer === undefined || isProbe(request)
        ? undefined
        : tracer.begin(described(request, record))
    const ids = traceIdsOf(request, trace)
    if (ids !== undefined) request.log = request.log.child(ids)
    if (trace !== undefined) record.trace = trace
    reply.raw.on('close', () => {
      const isAnswered = reply.raw.headersSent
      const status = isAnswered ? reply.raw.statusCode : 499
      report(request, { record, status, metrics })
    })
    if (trace === undefined) done()
    else trace.run(done)
  }
}

/** Probes and scrapes come every few seconds and tell nothing; they are not traced. */
function isProbe(request: FastifyRequest): boolean {
  return isHealth(request) || request.routeOptions.url === '/metrics'
}

function described(request: FastifyRequest, { startedAt }: RequestRecord) {
  const { method, headers, id: requestId } = request
  return { method, route: routeOf(request), headers, requestId, startedAt }
}

function routeOf({ routeOptions: { url } }: FastifyRequest): string {
  return url ?? 'none'
}

interface Outcome {
  readonly record: RequestRecord
  readonly status: number
  readonly metrics: Metrics
}

function report(request: FastifyRequest, { record, status, metrics }: Outcome): void {
  const { startedAt, models = [], admissionMs, respondedAt, failure, imageBytes } = record
  const now = performance.now()
  const durationMs = (failure === undefined ? now : (respondedAt ?? now)) - startedAt
  const route = routeOf(request)
  const traceId = record.trace?.isSampled ? record.trace.traceId : undefined
  metrics.http.answered({ method: request.method, route, status, durationMs, traceId })
  record.trace?.end({ status, code: failure?.code, admissionMs, respondedAt, endedAt: now })
  for (const { model, version } of models) {
    if (admissionMs !== undefined) {
      metrics.stage({ stage: 'admission', model, version, durationMs: admissionMs })
    }
    if (respondedAt !== undefined) {
      metrics.stage({ stage: 'respond', model, version, durationMs: now - respondedAt })
    }
  }
  const line: Line = {
    method: request.method,
    route,
    path: request.url.split('?', 1)[0]?.slice(0, maxPathLength),
    status,
    durationMs: Math.round(durationMs * 100) / 100,
  }
  if (models.length > 0) line.model = models.map(nameOf).join(',')
  if (imageBytes !== undefined) line.imageBytes = imageBytes
  if (failure !== undefined) {
    line.code = failure.code
    line.detail = failure.detail
  }
  if (failure?.code === 'internal' || failure?.code === 'session_failed') {
    request.log.error({ ...line, err: failure.cause }, 'request failed')
  } else request.log.info(line, 'request')
}

interface Line {
  readonly method: string
  readonly route: string
  readonly path: string | undefined
  readonly status: number
  readonly durationMs: number
  model?: string
  imageBytes?: number
  code?: string
  detail?: string
}

function nameOf({ model, version }: { model: string; version: string }): string {
  return `${model}/${version}`
}
