// Traces of requests, sent to an OpenTelemetry collector over OTLP: the only home of @opentelemetry.
// app.ts imports this file only where a collector is configured, so that it costs nothing otherwise.
import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import { type Context, DiagLogLevel, diag, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { messageOf } from '../errors.ts'
import { beginRequestTrace, type RequestTrace, type TracedRequest } from './request-trace.ts'
import { epochMs } from './span-time.ts'

export interface TracingOptions {
  /** Base address of the collector, e.g. `http://127.0.0.1:4318`. */
  readonly endpoint: string
  /** The version of this service. */
  readonly version: string
  /** Told, in one line, when the collector cannot be reached. */
  readonly warn: (message: string) => void
}

/** What an image went through, in `performance.now()` milliseconds. */
export interface TracedStage {
  readonly stage: 'decode' | 'queue' | 'infer'
  readonly model: string
  readonly version: string
  readonly startedAt: number
  readonly endedAt: number
  /** Images that ran together with it. */
  readonly batchSize: number
}

export interface Tracing {
  begin(request: TracedRequest): RequestTrace
  /** A stage of an image of the request that is running here. */
  stage(stage: TracedStage): void
  /** Sends what is still held, for a few seconds at most. */
  close(): Promise<void>
}

/** A collector that does not answer must not hold up the end of the process. */
const closeTimeoutMs = 3000
/** One line a minute says that traces are lost; each failed export would be one every few seconds. */
const warnEveryMs = 60_000

/** @see https://opentelemetry.io/docs/specs/otel/protocol/exporter/ for the variables of OTEL_… */
export function createTracing({ endpoint, version, warn }: TracingOptions): Tracing {
  const url = new URL('v1/traces', endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href
  const seldom = atMostEvery(warnEveryMs, warn)
  const onError = (message: string, ...rest: readonly unknown[]) =>
    seldom(`traces are not sent to ${url}: ${[message, ...rest.map(messageOf)].join(' ')}`)
  const ignore = () => {}
  diag.setLogger(
    { error: onError, warn: onError, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  )
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': 'resnet-serving',
          'service.version': version,
          'service.instance.id': hostname(),
        }),
      )
      .merge(detectResources({ detectors: [envDetector] })), // OTEL_SERVICE_NAME and its friends win
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  })
  const tracer = provider.getTracer('resnet-serving', version)
  const current = new AsyncLocalStorage<Context>()
  return {
    begin: (request) => beginRequestTrace(request, { tracer, current }),
    stage({ stage, startedAt, endedAt, model, version, batchSize }) {
      const parent = current.getStore()
      if (parent === undefined || !trace.getSpan(parent)?.isRecording()) return
      const attributes = { model, version, ...(stage === 'infer' ? { batch_size: batchSize } : {}) }
      tracer
        .startSpan(stage, { startTime: epochMs(startedAt), attributes }, parent)
        .end(epochMs(endedAt))
    },
    async close() {
      const timer = new Promise((resolve) => setTimeout(resolve, closeTimeoutMs).unref())
      await Promise.race([provider.shutdown().catch(onError), timer])
    },
  }
}

function atMostEvery(intervalMs: number, act: (message: string) => void) {
  let nextAt = 0
  return (message: string) => {
    if (performance.now() < nextAt) return
    nextAt = performance.now() + intervalMs
    act(message)
  }
}
