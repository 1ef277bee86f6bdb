// The files of a multipart form (RFC 7578), one after another as they arrive.
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { type Cancellation, cancelledWith } from '../cancellation.ts'
import { ServiceError } from '../errors.ts'
import { assertNotCoded } from './coded-body.ts'
import { orAborted } from './exchange.ts'
import { failureOf, HttpError } from './failure.ts'
import { bodyTooLarge, readBody } from './read-body.ts'
import type { UploadClaim } from './upload-budget.ts'

export interface FormFile {
  readonly field: string
  readonly filename: string
  /**
   * Its bytes, in memory of their own. A file is read or skipped before the next one comes.
   * @throws HttpError body_too_large, bad_request, client_gone; ServiceError overloaded; the
   * signal's reason
   */
  read(claim: UploadClaim): Promise<Uint8Array>
  skip(): void
}

export interface FormOptions {
  readonly maxFiles: number
  readonly maxFileBytes: number
  /** Of the whole form, so that neither a preamble nor skipped parts go on for ever. */
  readonly maxFormBytes: number
  /** Query parameters, which people are tempted to send as fields. */
  readonly parameters: readonly string[]
  readonly signal: Cancellation
  /** Called with each part that is text, not a file. */
  readonly onText?: (field: string, value: string) => void
}

/** Boundaries, part headers and small fields of a form with one file. */
export const formOverheadBytes = 64 * 1024

/** Text fields are hardly read, only tolerated: what browsers add to a form, not more. */
const maxFields = 32
const maxFieldBytes = 4096
/** A part has a handful of headers. */
const maxPartHeaders = 16

/** @throws HttpError bad_request, bad_parameter, body_too_large, client_gone; the signal's reason */
export async function* readFormFiles(
  request: FastifyRequest,
  options: FormOptions,
): AsyncGenerator<FormFile> {
  assertNotCoded(request)
  const parts = request.parts({
    limits: {
      fileSize: options.maxFileBytes + 1, // one more, so that the reader sees the excess
      files: options.maxFiles,
      fields: maxFields,
      fieldSize: maxFieldBytes,
      parts: options.maxFiles + maxFields,
      headerPairs: maxPartHeaders,
    },
    isPartAFile,
    ...{ throwFileSizeLimit: false }, // the plugin reads it, its types do not know it
  })
  const limit = limitForm(request, options)
  try {
    while (true) {
      const { value: part, done } = await orAborted(parts.next(), limit.signal)
      if (done) break
      if (part.type === 'file') yield toFormFile(part, options)
      else {
        refuseParameter(part.fieldname, options.parameters)
        options.onText?.(part.fieldname, String(part.value))
      }
    }
  } catch (error) {
    throw formError(error)
  } finally {
    limit.release()
  }
}

/**
 * RFC 7578 §4.2 requires no filename, and several libraries send none. What says of itself that it is
 * words about the image is then a field.
 */
function isPartAFile(_field?: string, contentType = '', filename?: string): boolean {
  return filename !== undefined || !/^text\/|^application\/(.*\+)?(json|xml)$/.test(contentType)
}

function toFormFile(
  { fieldname, filename, file }: MultipartFile,
  { maxFileBytes, signal }: FormOptions,
): FormFile {
  return {
    field: fieldname,
    filename: filename ?? '',
    async read(claim) {
      try {
        return await readBody(file, { maxBytes: maxFileBytes, claim, signal })
      } catch (error) {
        throw formError(error)
      }
    },
    skip: () => void file.resume(),
  }
}

/** Counts the bytes of the form beside the parser that reads them. */
function limitForm(request: FastifyRequest, { maxFormBytes, signal }: FormOptions) {
  const limit = cancelledWith(signal)
  let length = 0
  const onData = (chunk: Uint8Array) => {
    length += chunk.length
    if (length > maxFormBytes) limit.abort(bodyTooLarge(maxFormBytes))
  }
  // Listening starts the flow only once the parser is attached, which `next()` does first.
  queueMicrotask(() => request.raw.on('data', onData))
  return {
    signal: limit,
    release: () => request.raw.off('data', onData),
  }
}

function refuseParameter(field: string, parameters: readonly string[]): void {
  if (!parameters.includes(field)) return
  throw new HttpError(
    'bad_parameter',
    `the form has a field ${field}, which is not read from there; put it into the query`,
  )
}

/** The parser's own errors have no codes and no words for strangers. */
function formError(error: unknown): unknown {
  if (error instanceof ServiceError || error instanceof HttpError) return error
  if (failureOf(error).code !== 'internal') return error
  return new HttpError('bad_request', 'the multipart form is not well-formed or ends early', {
    cause: error,
  })
}
