// The ids that join a request's log lines with its trace: ours, or those its client sent.
import type { FastifyRequest } from 'fastify'
import type { RequestTrace } from './options.ts'

/** https://www.w3.org/TR/trace-context/#traceparent-header, of version 00 and later ones. */
const traceparent =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-|$)/

/** Field names as OpenTelemetry's own log correlation writes them. */
export interface TraceIds {
  readonly trace_id: string
  readonly span_id: string
}

export function traceIdsOf(
  { headers }: FastifyRequest,
  trace: RequestTrace | undefined,
): TraceIds | undefined {
  if (trace !== undefined) return { trace_id: trace.traceId, span_id: trace.spanId }
  const given = headers.traceparent
  const [, traceId, spanId] = typeof given === 'string' ? (traceparent.exec(given) ?? []) : []
  return traceId === undefined || spanId === undefined
    ? undefined
    : { trace_id: traceId, span_id: spanId }
}
