// The trace of one request: a server span that follows the client's traceparent, with a span for its
// admission and one for writing its answer; what happens to its images is added by tracing.ts.
import type { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { epochMs } from './span-time.ts'

export interface TracedRequest {
  readonly method: string
  /** The pattern of the route, e.g. `/v1/models/:model/labels`. */
  readonly route: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly requestId: string
  /** `performance.now()` when the headers had arrived. */
  readonly startedAt: number
}

/** How it ended; times are of `performance.now()`. */
export interface TracedOutcome {
  readonly status: number
  /** The error's code, where it was refused or failed. */
  readonly code?: string | undefined
  readonly admissionMs?: number | undefined
  /** When the answer was ready to be written. */
  readonly respondedAt?: number | undefined
  readonly endedAt: number
}

export interface RequestTrace {
  readonly traceId: string
  readonly spanId: string
  /** Whether it is recorded: only then does a link to it lead anywhere. */
  readonly isSampled: boolean
  /** Runs `next`; all that it starts belongs to this trace. */
  run(next: () => void): void
  end(outcome: TracedOutcome): void
}

interface Parts {
  readonly tracer: Tracer
  readonly current: AsyncLocalStorage<Context>
}

/** From here on an answer says that the service, not the client, failed. */
const firstServerError = 500
const propagator = new W3CTraceContextPropagator()

export function beginRequestTrace(
  request: TracedRequest,
  { tracer, current }: Parts,
): RequestTrace {
  const { method, route, headers, requestId, startedAt } = request
  const caller = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
  const span = tracer.startSpan(
    `${method} ${route}`,
    {
      kind: SpanKind.SERVER,
      startTime: epochMs(startedAt),
      // https://opentelemetry.io/docs/specs/semconv/http/http-spans/
      attributes: {
        'http.request.method': method,
        'http.route': route,
        'http.request.header.x-request-id': requestId,
      },
    },
    caller,
  )
  const context = trace.setSpan(caller, span)
  const { traceId, spanId, traceFlags } = span.spanContext()

  function child(name: string, from: number, to: number): void {
    tracer.startSpan(name, { startTime: epochMs(from) }, context).end(epochMs(to))
  }

  return {
    traceId,
    spanId,
    isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    run: (next) => current.run(context, next),
    end({ status, code, admissionMs, respondedAt, endedAt }) {
      if (admissionMs !== undefined) child('admission', startedAt, startedAt + admissionMs)
      if (respondedAt !== undefined) child('respond', respondedAt, endedAt)
      span.setAttribute('http.response.status_code', status)
      if (code !== undefined) span.setAttribute('error.type', code)
      if (status >= firstServerError) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(epochMs(endedAt))
    },
  }
}
