// What runs on the threads that read large JSON (started by tensor-thread.ts). Errors cross between
// threads as plain data.
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { ServiceError } from '../../errors.ts'
import { HttpError } from '../failure.ts'
import { type JsonSize, sizeOfJson } from '../parse-json.ts'
import type { ProblemCode } from '../problem.ts'
import { type TensorBody, type TensorDialect, tensorReaders } from './read-tensors.ts'

export interface TensorJob {
  readonly dialect: TensorDialect
  readonly body: TensorBody
  /** What its JSON may hold; told where it holds much. */
  readonly most?: JsonSize
}

export type Answer =
  | { readonly ok: true; readonly value: ReturnType<(typeof tensorReaders)[TensorDialect]> }
  | { readonly ok: false; readonly code: ProblemCode; readonly message: string }

/** Piscina's task; the images are handed over, not copied. */
export function run(job: TensorJob) {
  const answer = answerJob(job)
  const images = answer.ok ? answer.value.images : []
  return move({
    [transferableSymbol]: [...new Set(images.map(({ bytes }) => bytes.buffer))],
    [valueSymbol]: answer,
  })
}

function answerJob({ dialect, body, most }: TensorJob): Answer {
  try {
    if (most !== undefined) assertWithin(sizeOfJson(body.json), most)
    return { ok: true, value: tensorReaders[dialect](body) }
  } catch (error) {
    if (!(error instanceof HttpError || error instanceof ServiceError)) throw error
    return { ok: false, code: error.code, message: error.message }
  }
}

/** @throws HttpError bad_request, body_too_large */
function assertWithin(found: JsonSize, most: JsonSize): void {
  if (found.depth > most.depth) {
    const message = `the JSON has ${found.depth} lists in each other; images have at most ${most.depth}`
    throw new HttpError('bad_request', message)
  }
  if (found.listBytes > most.listBytes || found.properties > most.properties) throw tooManyValues()
}

export function tooManyValues(): HttpError {
  return new HttpError(
    'body_too_large',
    'the JSON holds more values than can be read; send fewer images, or send them as files in base64 or as binary tensors',
  )
}
