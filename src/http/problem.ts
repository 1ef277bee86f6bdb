// Errors as clients see them: application/problem+json (RFC 9457), https://www.rfc-editor.org/rfc/rfc9457
// The one table from error code to status; `Record` makes it exhaustive.
import type { ErrorCode } from '../errors.ts'

/** Codes that only HTTP knows, beside those of the service. */
export type ProblemCode = ErrorCode | 'method_not_allowed' | 'headers_too_large'

interface Kind {
  readonly status: number
  readonly title: string
}

export const problemKinds: Readonly<Record<ProblemCode, Kind>> = {
  bad_request: { status: 400, title: 'The request is not well-formed' },
  image_missing: { status: 400, title: 'The request holds no image' },
  bad_parameter: { status: 400, title: 'A parameter is not allowed' },
  unauthorized: { status: 401, title: 'A valid API key is required' },
  model_not_found: { status: 404, title: 'No such model' },
  version_not_found: { status: 404, title: 'No such version of the model' },
  route_not_found: { status: 404, title: 'No such resource' },
  method_not_allowed: { status: 405, title: 'The resource does not know this method' },
  upload_too_slow: { status: 408, title: 'The upload took too long' },
  body_too_large: { status: 413, title: 'The upload has too many bytes' },
  image_too_large: { status: 413, title: 'The image has too many pixels' },
  unsupported_image_format: { status: 415, title: 'The image format is not accepted' },
  image_undecodable: { status: 422, title: 'The image is truncated or corrupt' },
  image_refused: { status: 422, title: 'The image is refused' },
  overloaded: { status: 429, title: 'The service is overloaded' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The request headers are too large' },
  // Nobody is there to read this one; the status stands in logs and metrics.
  client_gone: { status: 499, title: 'The client closed the connection' },
  internal: { status: 500, title: 'Internal error' },
  not_ready: { status: 503, title: 'The service is not ready' },
  draining: { status: 503, title: 'The service is shutting down' },
  session_failed: { status: 503, title: 'The inference process failed' },
  deadline_exceeded: { status: 504, title: 'The answer came too late' },
}

/** The body of an error answer. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ProblemCode
  readonly requestId: string
}

export const problemType = 'application/problem+json; charset=utf-8'

/** What went wrong with one request, ready to be told to its client. */
export interface Failure {
  readonly code: ProblemCode
  readonly status: number
  /** Public: what was found, what was allowed, what to do. */
  readonly detail: string
  /** Whole seconds, for Retry-After. */
  readonly retryAfterS?: number
  /** For the log only. */
  readonly cause?: unknown
}

export function problemOf({ code, status, detail }: Failure, requestId: string): Problem {
  // The type stays about:blank (RFC 9457 §4.2.1): `code` is the stable name to switch on.
  return { type: 'about:blank', title: problemKinds[code].title, status, detail, code, requestId }
}
