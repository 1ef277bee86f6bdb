// PNG files put together chunk by chunk, also such as no program writes.
// https://www.w3.org/TR/png-3/
import { deflateSync } from 'node:zlib'
import { crc32 } from '@node-rs/crc32'

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

export interface PngHeader {
  readonly width: number
  readonly height: number
  readonly bitDepth?: number
  /** 0 grey, 2 RGB, 3 palette, 6 RGBA. */
  readonly colourType?: number
  readonly interlaced?: boolean
}

export function pngChunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(data.length, 0)
  body.copy(chunk, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return chunk
}

/** A PNG with this header; `pixels` are the compressed rows, black where none are given. */
export function makePng(
  header: PngHeader,
  chunks: readonly Buffer[] = [],
  pixels?: Buffer,
): Buffer {
  const { width, height, bitDepth = 8, colourType = 2, interlaced = false } = header
  const ihdr = Buffer.alloc(13)
  ihdr.writeUInt32BE(width, 0)
  ihdr.writeUInt32BE(height, 4)
  ihdr.set([bitDepth, colourType, 0, 0, interlaced ? 1 : 0], 8)
  const idat = pixels ?? blackRows(header)
  const end = pngChunk('IEND', Buffer.alloc(0))
  return Buffer.concat([signature, pngChunk('IHDR', ihdr), ...chunks, pngChunk('IDAT', idat), end])
}

/** Compressed rows of zeros, enough for the header (interlaced ones need a little more). */
function blackRows({ width, height, bitDepth = 8, colourType = 2, interlaced }: PngHeader): Buffer {
  const samples = { 0: 1, 2: 3, 3: 1, 6: 4 }[colourType] ?? 1
  const rowBytes = 1 + Math.ceil((width * samples * bitDepth) / 8)
  return deflateSync(Buffer.alloc(rowBytes * height + (interlaced === true ? 8 * height : 0)))
}
