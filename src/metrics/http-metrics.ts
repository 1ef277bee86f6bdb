// What the HTTP edge counts: how long requests take, and why some are refused.
import { Counter, Histogram, type Registry } from 'prom-client'
import { createHistogram } from './histogram.ts'

/** From 5 ms (health, refusals) to the default request timeout of 10 s. */
const durationBucketsS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export interface HttpObserver {
  /** One answered (or abandoned) request. `route` is a pattern such as `/v1/models/:model/labels`. */
  answered(request: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly durationMs: number
    /** Of a recorded trace: becomes an exemplar where exemplars are on. */
    readonly traceId?: string | undefined
  }): void
  /** Makes a series of each reason before it first happens: a rate needs a zero to start from. */
  expect(reasons: readonly string[]): void
  /** A request was refused or failed; `reason` is an error code, never a client's text. */
  rejected(reason: string): void
}

export function createHttpMetrics(
  registry: Registry,
  { exemplars }: { readonly exemplars: boolean },
): HttpObserver {
  const observe = exemplars ? observeWithExemplars(registry) : observeDurations(registry)
  const rejected = new Counter({
    name: 'rejected_total',
    help: 'Requests that were refused or failed, by error code',
    labelNames: ['reason'],
    registers: [registry],
  })
  return {
    expect(reasons) {
      for (const reason of reasons) rejected.inc({ reason }, 0)
    },
    answered: observe,
    rejected(reason) {
      rejected.inc({ reason })
    },
  }
}

const durations = {
  name: 'http_request_duration_seconds',
  help: 'Time from the end of the request headers to the end of the answer',
  labelNames: ['method', 'route', 'status'] as const,
  buckets: durationBucketsS,
}

function observeDurations(registry: Registry): HttpObserver['answered'] {
  const histogram = createHistogram({ ...durations, registry })
  return ({ method, route, status, durationMs }) =>
    histogram.observe([method, route, String(status)], durationMs / 1000)
}

function observeWithExemplars(registry: Registry): HttpObserver['answered'] {
  const histogram = new Histogram({ ...durations, enableExemplars: true, registers: [registry] })
  return ({ method, route, status, durationMs, traceId }) => {
    const labels = { method, route, status }
    histogram.observe({ labels, value: durationMs / 1000, exemplarLabels: exemplarOf(traceId) })
  }
}

function exemplarOf(traceId: string | undefined): Record<string, string> {
  return traceId === undefined ? {} : { trace_id: traceId }
}
