// What the edge is given: plain values, the use case and observers. app.ts fills this in from the
// configuration; nothing here reads the environment.
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyBaseLogger } from 'fastify'
import type { Classifier } from '../classification/types.ts'
import type { Metrics } from '../metrics/metrics.ts'

export interface HttpOptions {
  readonly classifier: Classifier
  readonly metrics: Metrics
  /** Follows requests through the service; absent where no collector is configured. */
  readonly tracer?: RequestTracer | undefined
  /** A pino logger. */
  readonly logger: FastifyBaseLogger
  /** The version of this service, for `/v1/engine`. */
  readonly version: string
  /** Image formats that are switched on, for the texts of answers and of the page. */
  readonly imageFormats: readonly string[]
  /** True from SIGTERM on: readiness is 503 and connections are not kept. */
  readonly draining: () => boolean
  readonly limits: HttpLimits
  /** Whether results are kept, of which `X-Cache` tells. */
  readonly keepsResults: boolean
  /** Keys of which one is required everywhere but on health; empty requires none. */
  readonly apiKeys: readonly string[]
  /** Requests a minute of each key, or of each address where there are no keys; 0 is no limit. */
  readonly rateLimitPerMinute: number
  /** Origins whose pages may call the API; empty allows none. */
  readonly corsOrigins: readonly string[]
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[]
  /** False where /metrics has a port of its own (metrics-server.ts). */
  readonly serveMetrics: boolean
}

/** What tracing/ gives. */
export interface RequestTracer {
  begin(request: {
    readonly method: string
    readonly route: string
    readonly headers: IncomingHttpHeaders
    readonly requestId: string
    readonly startedAt: number
  }): RequestTrace
}

export interface RequestTrace {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
  /** Runs `next`; all that it starts belongs to this trace. */
  run(next: () => void): void
  end(outcome: {
    readonly status: number
    readonly code?: string | undefined
    readonly admissionMs?: number | undefined
    readonly respondedAt?: number | undefined
    readonly endedAt: number
  }): void
}

export interface HttpLimits {
  /** Largest encoded image. */
  readonly maxImageBytes: number
  /** Longest a request may take, upload and answer together. */
  readonly requestTimeoutMs: number
  /** Of this machine, for service and sessions. */
  readonly cores: number
  /** Open sockets; further ones are closed at once. */
  readonly maxConnections: number
  /**
   * Encoded bytes that all requests together may hold; more are refused with 429. Absent, it is
   * room for the largest image eight times, at least 128 MiB.
   */
  readonly maxUploadBytes?: number
  /** Bytes that long answers may hold together until they are read. */
  readonly maxAnswerBytes?: number
  /**
   * Longest that a client may take nothing of its answer, if that is more than `requestTimeoutMs`.
   * Absent, 30 s.
   */
  readonly maxStallMs?: number
  /** Files of one batch request. Absent, 256. */
  readonly maxBatchFiles?: number
}
