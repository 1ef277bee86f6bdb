// The binary tensor data extension: JSON, then the tensors' bytes, little-endian.
// https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
import { HttpError } from '../failure.ts'

export const headerLengthName = 'inference-header-content-length'

export interface BinaryBody {
  /** The JSON part; empty where the body is one raw tensor. */
  readonly json: Uint8Array
  readonly binary: Uint8Array
}

/** @param header Inference-Header-Content-Length. @throws HttpError bad_request */
export function splitBody(body: Uint8Array, header: string | undefined): BinaryBody {
  if (header === undefined) return { json: body, binary: body.subarray(body.length) }
  if (!/^\d{1,10}$/.test(header) || Number(header) > body.length) {
    const found = JSON.stringify(header.slice(0, 40))
    const message = `Inference-Header-Content-Length is ${found}; the body has ${body.length} bytes`
    throw new HttpError('bad_request', message)
  }
  const length = Number(header)
  return { json: body.subarray(0, length), binary: body.subarray(length) }
}

const lengthBytes = 4

/** The elements of a BYTES tensor, each behind its length, where they are. */
export function decodeElements(binary: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(binary.buffer, binary.byteOffset, binary.byteLength)
  const elements: Uint8Array[] = []
  let at = 0
  while (at < binary.length) {
    const room = binary.length - at - lengthBytes
    const length = room >= 0 ? view.getUint32(at, true) : 0
    if (room < 0 || length > room || elements.length === count) {
      const message = `the BYTES tensor is not ${count} elements, each behind its length as uint32`
      throw new HttpError('bad_request', message)
    }
    at += lengthBytes
    elements.push(binary.subarray(at, at + length))
    at += length
  }
  if (elements.length !== count) {
    const message = `the BYTES tensor has ${elements.length} elements; its shape says ${count}`
    throw new HttpError('bad_request', message)
  }
  return elements
}

export function encodeElements(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => Buffer.byteLength(text))
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + lengthBytes + length, 0))
  let at = 0
  for (const [index, text] of texts.entries()) {
    at = bytes.writeUInt32LE(lengths[index] as number, at)
    at += bytes.write(text, at)
  }
  return bytes
}
