// Collects a body, or one file of a form, into memory of its own: once, within a limit.

import type { Readable } from 'node:stream'
import type { Cancellation } from '../cancellation.ts'
import { HttpError } from './failure.ts'
import type { UploadClaim } from './upload-budget.ts'

export interface ReadBodyOptions {
  readonly maxBytes: number
  /** What Content-Length says, where it says anything. */
  readonly expectedBytes?: number | undefined
  readonly claim: UploadClaim
  readonly signal: Cancellation
}

/**
 * Memory taken before the first byte is there. A body of announced length up to this size is read
 * without copying; a longer one has to arrive to be given more.
 */
const maxEagerBytes = 1024 * 1024
const minBufferBytes = 16 * 1024

/**
 * All bytes of a stream, in an ArrayBuffer of exactly their length (it may be moved to a thread).
 * @throws HttpError body_too_large; ServiceError overloaded; the signal's reason
 */
export function readBody(stream: Readable, options: ReadBodyOptions): Promise<Uint8Array> {
  const { maxBytes, claim, signal } = options
  const body = createCollector(options.expectedBytes)
  return new Promise((resolve, reject) => {
    const onData = (chunk: Uint8Array) => {
      try {
        if (body.length + chunk.length > maxBytes) throw bodyTooLarge(maxBytes)
        claim.add(chunk.length)
        body.append(chunk)
      } catch (error) {
        finish(() => reject(error))
      }
    }
    const onEnd = () => finish(() => resolve(body.take()))
    const onError = (error: unknown) => finish(() => reject(error))
    const onAbort = () => finish(() => reject(signal.reason))
    const onClose = () => {
      if (!stream.readableEnded) finish(() => reject(endedEarly()))
    }
    function finish(settle: () => void): void {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
      signal.removeEventListener('abort', onAbort)
      // What still comes is discarded; an error after this one is nobody's any more.
      stream.on('error', () => {}).resume()
      settle()
    }
    if (signal.aborted) return reject(signal.reason)
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

export function bodyTooLarge(maxBytes: number): HttpError {
  return new HttpError('body_too_large', `the upload has more than the ${maxBytes} bytes allowed`)
}

function endedEarly(): HttpError {
  return new HttpError('client_gone', 'the upload ended before its announced end')
}

/** A buffer that grows by doubling, up to the announced length where there is one. */
function createCollector(expectedBytes: number | undefined) {
  let buffer = new Uint8Array(0)
  let length = 0

  function grow(needed: number): void {
    const eager = Math.min(expectedBytes ?? minBufferBytes, maxEagerBytes)
    const wanted = Math.max(needed, buffer.length * 2, eager)
    // `allocUnsafeSlow`: memory of its own, neither zeroed nor part of a shared pool.
    const grown = Buffer.allocUnsafeSlow(
      Math.max(needed, Math.min(wanted, expectedBytes ?? wanted)),
    )
    grown.set(buffer.subarray(0, length))
    buffer = grown
  }

  return {
    get length() {
      return length
    },
    append(chunk: Uint8Array): void {
      if (length + chunk.length > buffer.length) grow(length + chunk.length)
      buffer.set(chunk, length)
      length += chunk.length
    },
    take(): Uint8Array {
      return buffer.length === length ? buffer : new Uint8Array(buffer.subarray(0, length)) // a copy
    },
  }
}
