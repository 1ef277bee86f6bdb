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
/** Whose first bytes are fewer is perhaps dripping: memory follows what comes. */
const leastEagerBytes = 1024

/**
 * All bytes of a stream, in an ArrayBuffer of exactly their length (it may be moved to a thread).
 * @throws HttpError body_too_large; ServiceError overloaded; the signal's reason
 */
export function readBody(stream: Readable, options: ReadBodyOptions): Promise<Uint8Array> {
  const { maxBytes, claim, signal } = options
  const body = new Collector(options.expectedBytes)
  return new Promise((resolve, reject) => {
    let isOver = false
    const onData = (chunk: Uint8Array) => {
      try {
        if (body.length + chunk.length > maxBytes) throw bodyTooLarge(maxBytes)
        claim.add(chunk.length)
        body.append(chunk)
      } catch (error) {
        fail(error)
      }
    }
    const onEnd = () => {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', onAbort)
      resolve(body.take())
    }
    const onAbort = () => fail(signal.reason)
    const onClose = () => {
      if (!stream.readableEnded) fail(endedEarly())
    }
    // Stays on the stream: an error after the first one, or after the end, is nobody's any more.
    function fail(error: unknown): void {
      if (isOver) return
      isOver = true
      signal.removeEventListener('abort', onAbort)
      stream.off('data', onData).resume() // what still comes is discarded
      body.take()
      reject(error)
    }
    if (signal.aborted) return reject(signal.reason)
    stream.on('data', onData).on('end', onEnd).on('error', fail).on('close', onClose)
    signal.addEventListener('abort', onAbort)
  })
}

export function bodyTooLarge(maxBytes: number): HttpError {
  return new HttpError('body_too_large', `the upload has more than the ${maxBytes} bytes allowed`)
}

function endedEarly(): HttpError {
  return new HttpError('client_gone', 'the upload ended before its announced end')
}

/** A buffer that grows by doubling, up to the announced length where there is one. */
class Collector {
  length = 0
  #buffer = empty
  readonly #expectedBytes: number | undefined

  constructor(expectedBytes: number | undefined) {
    this.#expectedBytes = expectedBytes
  }

  append(chunk: Uint8Array): void {
    const { length } = this
    if (length + chunk.length > this.#buffer.length) this.#grow(length + chunk.length)
    this.#buffer.set(chunk, length)
    this.length = length + chunk.length
  }

  /** What has come; the collector lets go of it. */
  take(): Uint8Array {
    const buffer = this.#buffer
    this.#buffer = empty
    // A view of less than the whole would keep, and move, what lies behind it: copied.
    return buffer.length === this.length ? buffer : new Uint8Array(buffer.subarray(0, this.length))
  }

  #grow(needed: number): void {
    const expected = this.#expectedBytes
    const isEager = expected !== undefined && needed >= leastEagerBytes
    const eager = isEager ? Math.min(expected, maxEagerBytes) : minBufferBytes
    const wanted = Math.max(needed, this.#buffer.length * 2, eager)
    // `allocUnsafeSlow`: memory of its own, neither zeroed nor part of a shared pool.
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(wanted, expected ?? wanted)))
    if (this.length > 0) grown.set(this.#buffer.subarray(0, this.length))
    this.#buffer = grown
  }
}

const empty = Buffer.alloc(0)
