// One log line and one observation a request, also for clients that left before their answer.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { type RequestRecord, recordOf } from './request-record.ts'

/** Longest piece of a client's path that is logged. */
const maxPathLength = 200

/** An onRequest hook that reports when the connection is done with the request. */
export function observeRequests(metrics: Metrics) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const record = recordOf(request)
    reply.raw.once('close', () => {
      const isAnswered = reply.raw.headersSent
      const status = isAnswered ? reply.raw.statusCode : 499
      report(request, { record, status, metrics })
    })
  }
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
  const route = request.routeOptions.url ?? 'none'
  metrics.http.answered({ method: request.method, route, status, durationMs })
  for (const served of models) {
    if (admissionMs !== undefined) {
      metrics.stage({ ...served, stage: 'admission', durationMs: admissionMs })
    }
    if (respondedAt !== undefined) {
      metrics.stage({ ...served, stage: 'respond', durationMs: now - respondedAt })
    }
  }
  const line = {
    method: request.method,
    route,
    path: request.url.split('?', 1)[0]?.slice(0, maxPathLength),
    status,
    durationMs: Math.round(durationMs * 100) / 100,
    ...(models.length === 0 ? {} : { model: models.map(nameOf).join(',') }),
    ...(imageBytes === undefined ? {} : { imageBytes }),
    ...(failure === undefined ? {} : { code: failure.code, detail: failure.detail }),
  }
  if (failure?.code === 'internal' || failure?.code === 'session_failed') {
    request.log.error({ ...line, err: failure.cause }, 'request failed')
  } else request.log.info(line, 'request')
}

function nameOf({ model, version }: { model: string; version: string }): string {
  return `${model}/${version}`
}
