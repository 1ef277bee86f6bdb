// Anything thrown while a request was served -> the failure its client is told.
// Errors of Fastify and its plugins are recognised by code; everything unknown is `internal`, and
// its text stays in the log.
import { ServiceError } from '../errors.ts'
import { type Failure, type ProblemCode, problemKinds } from './problem.ts'

/** Errors that only HTTP knows; inner rooms throw ServiceError. */
export class HttpError extends Error {
  override readonly name = 'HttpError'
  readonly code: ProblemCode

  constructor(code: ProblemCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Waiting is worth it for these; where nobody computed how long, this long. */
const retrySoonS: Partial<Record<ProblemCode, number>> = {
  overloaded: 1,
  rate_limited: 60,
  not_ready: 5,
  draining: 5,
  session_failed: 1,
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ServiceError) {
    return makeFailure(error.code, error.message, error.retryAfterS, error.cause)
  }
  if (error instanceof HttpError) return makeFailure(error.code, error.message)
  const known = libraryErrors[codeOf(error)]
  if (known !== undefined) return makeFailure(known[0], known[1], undefined, error)
  return makeFailure(
    'internal',
    'the service failed in a way it should not have; the log knows more under this request id',
    undefined,
    error,
  )
}

function makeFailure(
  code: ProblemCode,
  detail: string,
  retryAfterS = retrySoonS[code],
  cause?: unknown,
): Failure {
  return {
    code,
    status: problemKinds[code].status,
    detail,
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    ...(cause === undefined ? {} : { cause }),
  }
}

/** What names an error; those of http-errors (@fastify/send's) have no code. */
function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  return String(code ?? name)
}

const noSuchFile: readonly [ProblemCode, string] = ['route_not_found', 'there is no such file']
const tooManyParts = 'the form has too many parts'

/**
 * Codes (or names) of errors of Fastify, its plugins and Node, each with the words that clients get
 * instead of theirs.
 */
const libraryErrors: Readonly<Record<string, readonly [ProblemCode, string]>> = {
  FST_ERR_BAD_URL: ['bad_request', 'the path is not a well-formed URL path'],
  FST_ERR_MAX_PARAM_LENGTH: ['route_not_found', 'a name in the path is too long to exist'],
  FST_ERR_NOT_FOUND: ['route_not_found', 'there is nothing at this path'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['body_too_large', 'the body is larger than allowed'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'bad_request',
    'the body is not as long as Content-Length says',
  ],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['bad_request', 'the Content-Type is not a media type'],
  FST_STATIC_FORBIDDEN_PATH: noSuchFile,
  BadRequestError: noSuchFile,
  ForbiddenError: noSuchFile,
  NotFoundError: noSuchFile,
  FST_PARTS_LIMIT: ['body_too_large', tooManyParts],
  FST_FILES_LIMIT: ['body_too_large', 'the form has too many files'],
  FST_FIELDS_LIMIT: ['body_too_large', 'the form has too many fields'],
  FST_REQ_FILE_TOO_LARGE: ['body_too_large', 'a file of the form is larger than allowed'],
  FST_PROTO_VIOLATION: ['bad_request', 'a part of the form has a name that is not allowed'],
  FST_INVALID_MULTIPART_CONTENT_TYPE: ['bad_request', 'the body is not a multipart form'],
  FST_INVALID_JSON_FIELD_ERROR: ['bad_request', 'a JSON part of the form is not JSON'],
  FST_MP_PREMATURE_CLOSE: ['client_gone', 'the client closed the connection'],
  ECONNRESET: ['client_gone', 'the client closed the connection'],
  ERR_STREAM_PREMATURE_CLOSE: ['client_gone', 'the client closed the connection'],
}
