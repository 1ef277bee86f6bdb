// JSON of strangers. What a text costs to parse is decided less by its length than by how many values it
// makes: 30 MB of `[` become a gigabyte and stop the thread for seconds, and 30 MB of base64 cost nothing.
import { HttpError } from './failure.ts'

const comma = ','.charCodeAt(0)
const colon = ':'.charCodeAt(0)
const brace = '{'.charCodeAt(0)
const bracket = '['.charCodeAt(0)
const closingBracket = ']'.charCodeAt(0)

/** Values of a body that is an object around a text or two; parsing so many is no work. */
const fewValues = 1_000

/**
 * Whether a JSON text holds more than about `most` values. Those inside of texts are counted too, which
 * base64 has none of; whoever is told so may count again, or parse elsewhere.
 */
export function holdsMoreValues(body: Uint8Array, most: number): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  let left = most
  for (const separator of [comma, bracket, brace]) {
    for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, at + 1)) {
      if (left === 0) return true
      left -= 1
    }
  }
  return false
}

/** An empty list of V8 on 64 bits, with what its elements begin with; and one of the elements. */
const [listBytes, valueBytes] = [48, 8]

/** What a JSON text holds, told from its punctuation: that inside of texts counts as well. */
export interface JsonSize {
  /** About how much memory its lists take once they are parsed. */
  readonly listBytes: number
  /** Objects and their properties together. */
  readonly properties: number
  readonly depth: number
}

export function sizeOfJson(body: Uint8Array): JsonSize {
  const size = { listBytes: 0, properties: 0, depth: 0 }
  let depth = 0
  for (const byte of body) {
    if (byte === comma) {
      size.listBytes += valueBytes
    } else if (byte === bracket) {
      size.listBytes += listBytes
      depth += 1
      if (depth > size.depth) size.depth = depth
    } else if (byte === closingBracket) {
      depth -= 1
    } else if (byte === brace || byte === colon) {
      size.properties += 1
    }
  }
  return size
}

/** @throws HttpError bad_request, where the bytes are not JSON (NaN and Infinity are none) */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    const message = 'the body is not well-formed JSON (NaN and Infinity are not part of JSON)'
    throw new HttpError('bad_request', message, { cause })
  }
}

/**
 * The same of a body that should be an object with an image in it.
 * @param expected what should have come
 * @throws HttpError bad_request, also where it holds more than an image and some parameters
 */
export function parseSmallJson(body: Uint8Array, expected: string): unknown {
  if (!holdsMoreValues(body, fewValues)) return parseJson(body)
  const message = `the JSON body holds more than ${fewValues} values; expected ${expected}`
  throw new HttpError('bad_request', message)
}
