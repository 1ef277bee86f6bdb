// What runs on a decoding thread (started by decoder-pool.ts). Errors cross between threads as
// plain data, since structured clone would strip a ServiceError of its code.
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { type ErrorCode, messageOf, ServiceError } from '../errors.ts'
import { type DecodeJob, decode } from './decode.ts'
import type { DecodedImage } from './imaging.ts'
import { tameLibvips } from './libvips.ts'

export type Answer =
  | { readonly ok: true; readonly image: DecodedImage }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      /** The library's own text, for the log. */
      readonly cause: string
    }

// The list of open decoders is the process's and was set by the thread that started this one;
// loading sharp here may have reset the rest.
tameLibvips()

/** Piscina's task; the crops are handed over, not copied. */
export async function run(job: DecodeJob) {
  const answer = await answerJob(job)
  const crops = answer.ok ? answer.image.crops : []
  return move({
    [transferableSymbol]: crops.map((crop) => crop.buffer),
    [valueSymbol]: answer,
  })
}

async function answerJob(job: DecodeJob): Promise<Answer> {
  try {
    return { ok: true, image: await decode(job) }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    const { code, message, cause } = error
    return { ok: false, code, message, cause: cause === undefined ? '' : messageOf(cause) }
  }
}
