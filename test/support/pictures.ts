// Pictures that tests send, made by sharp: in every format, whole or broken on purpose.
import { deflateSync } from 'node:zlib'
import { crc32 } from '@node-rs/crc32'
import { sharp } from '../../src/imaging/sharp.ts'
import { type Fault, withFault } from '../fixtures/faults.ts'
import { smallSide } from './small-repository.ts'

/** uint8 [height, width, 3] that differs with `seed`. */
export function noise(seed: number, width = smallSide, height = width): Uint8Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}

/** A sharp image of noise, to be encoded in whatever way. */
export function noisePicture(seed: number, width = smallSide, height = width) {
  return sharp(noise(seed, width, height), { raw: { width, height, channels: 3 } })
}

/** A PNG of the small networks' size: its pixels reach them unchanged. */
export function picture(seed: number): Promise<Buffer> {
  return noisePicture(seed).png().toBuffer()
}

/** A picture that makes a session with the entry faulty-worker.ts fail in this way. */
export function faultyPicture(fault: Fault, seed = 1): Promise<Buffer> {
  const raw = { width: smallSide, height: smallSide, channels: 3 } as const
  return sharp(withFault(noise(seed), fault), { raw })
    .png()
    .toBuffer()
}

/** The start of a PNG that claims this size; hardly any pixels follow. */
export function pngOfSize(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2], 8) // eight bits, RGB
  const pixels = deflateSync(Buffer.alloc(100))
  return Buffer.concat([pngSignature, pngChunk('IHDR', header), pngChunk('IDAT', pixels)])
}

const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data])
  const chunk = Buffer.alloc(body.length + 8)
  chunk.writeUInt32BE(data.length, 0)
  chunk.set(body, 4)
  chunk.writeUInt32BE(crc32(body), body.length + 4)
  return chunk
}
