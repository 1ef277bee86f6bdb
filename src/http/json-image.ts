// The JSON form of an upload: {"image": "<base64 or data: URL>"}.
import { ServiceError } from '../errors.ts'
import { bytesOfBase64 } from './base64.ts'
import { HttpError } from './failure.ts'
import { parseSmallJson } from './parse-json.ts'
import { bodyTooLarge } from './read-body.ts'

/** Room for the braces, the key and a `data:` prefix. */
const envelopeBytes = 1024

/** The longest JSON body that can hold an image of `maxImageBytes`: base64 makes 4 bytes of 3. */
export function maxJsonBytes(maxImageBytes: number): number {
  return Math.ceil(maxImageBytes / 3) * 4 + envelopeBytes
}

/** First bytes of JSON texts; no image format that we accept starts with any of them. */
const jsonStarts = new Set([...'{["-0123456789tfn \t\r\n'].map((text) => text.charCodeAt(0)))
const brace = '{'.charCodeAt(0)
const byteOrderMark = 0xef

/** Whether a body is JSON: what is declared decides only where the bytes leave it open. */
export function isJsonBody(body: Uint8Array, contentType: string): boolean {
  const [first] = body
  if (first === undefined) return false
  if (isJsonType(contentType)) return jsonStarts.has(first) || first === byteOrderMark
  return first === brace
}

export function isJsonType(contentType: string): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(contentType)
}

/**
 * The image inside a JSON body.
 * @throws HttpError bad_request, bad_parameter, body_too_large; ServiceError image_missing
 */
export function decodeJsonImage(body: Uint8Array, maxImageBytes: number): Uint8Array {
  const value = parseSmallJson(body, '{"image": "<base64>"}')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(
      'bad_request',
      'the JSON body is not an object; expected {"image": "<base64>"}',
    )
  }
  const { image, ...others } = value as Record<string, unknown>
  const [other] = Object.keys(others)
  if (other !== undefined) {
    const found = JSON.stringify(other.slice(0, 100))
    const hint = 'only "image" is read from it; parameters go into the query'
    throw new HttpError('bad_parameter', `the JSON body has a property ${found}; ${hint}`)
  }
  if (image === undefined || image === null || image === '') {
    throw new ServiceError('image_missing', 'the JSON body has no "image"; expected base64 in it')
  }
  if (typeof image !== 'string') {
    throw new HttpError('bad_request', `"image" is a ${typeof image}; expected a base64 string`)
  }
  return decodeBase64(image, maxImageBytes)
}

function decodeBase64(text: string, maxImageBytes: number): Uint8Array {
  const bytes = bytesOfBase64(payloadOf(text))
  if (bytes === null) throw notBase64()
  if (bytes.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
  return bytes
}

function notBase64(): HttpError {
  return new HttpError(
    'bad_request',
    '"image" is not base64; send the bytes of the file as base64 (addresses are not fetched)',
  )
}

/** What follows the comma of a data: URL (RFC 2397, in whichever case), or the text itself. */
function payloadOf(text: string): string {
  if (!/^data:/i.test(text)) return text
  const comma = text.indexOf(',')
  if (comma < 0 || !/;base64$/i.test(text.slice(0, comma))) {
    throw new HttpError('bad_request', '"image" is a data: URL without ";base64,"')
  }
  return text.slice(comma + 1)
}
