// The mistakes the service can name. Inner rooms throw these; only http/ knows their status codes.

/** Every way a request can fail, as the stable `code` of its answer (openapi.yaml, Problem). */
export type ErrorCode =
  | 'bad_request'
  | 'image_missing'
  | 'bad_parameter'
  | 'unauthorized'
  | 'model_not_found'
  | 'version_not_found'
  | 'route_not_found'
  | 'upload_too_slow'
  | 'body_too_large'
  | 'image_too_large'
  | 'unsupported_image_format'
  | 'image_undecodable'
  | 'image_refused'
  | 'overloaded'
  | 'rate_limited'
  | 'not_ready'
  | 'draining'
  | 'session_failed'
  | 'deadline_exceeded'
  | 'client_gone'
  | 'internal'

interface ServiceErrorOptions {
  /** The inner error, for the log; never shown to clients. */
  readonly cause?: unknown
  /** Whole seconds after which a client may try again; becomes `Retry-After`. */
  readonly retryAfterS?: number
}

/**
 * A failure of one request. `message` is public: what was found, what was allowed, what to do.
 * It never holds a path, a stack or a library's own text; those go into `cause`.
 */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly retryAfterS: number | undefined

  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryAfterS = options.retryAfterS
  }
}

/**
 * A model that cannot be used, told to the operator (start-up log, `models` commands).
 * - `missing`: a file or folder is not there
 * - `corrupt`: a checksum, length or structure is wrong
 * - `unsupported`: correct, but outside what this service or engine can run
 */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly kind: 'missing' | 'corrupt' | 'unsupported'

  constructor(kind: ModelError['kind'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.kind = kind
  }
}

/**
 * A model that changes its own variables before it reads them: whoever takes a checkpoint's values for constants
 * answers wrong, so only TensorFlow runs it.
 */
export class StatefulModelError extends ModelError {
  constructor(message: string) {
    super('unsupported', message)
  }
}

/** A mistake of the person at the command line or in the configuration: one line, no stack. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** A variable or flag that is not in its form: the command line is to be corrected, exit code 2. */
export class ConfigError extends UsageError {}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
