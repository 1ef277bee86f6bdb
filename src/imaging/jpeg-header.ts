// The size of a plain JPEG, read from its marker segments without libvips: half of what a small
// photograph costs there is opening it twice, once for the header. Whatever is not plain (EXIF or XMP,
// four inks, rare processes, damage) is left to libvips, so that nothing is decided here but size.
// Segments: ITU-T T.81 (https://www.w3.org/Graphics/JPEG/itu-t81.pdf), B.1 and B.2.
import type { Size } from './geometry.ts'

export interface PlainJpeg extends Size {
  readonly progressive: boolean
}

const marker = {
  startOfImage: 0xd8,
  baseline: 0xc0,
  progressive: 0xc2,
  tables: [0xc4, 0xdb, 0xdd], // Huffman, quantisation, restart interval
  comment: 0xfe,
  app0: 0xe0,
  app1: 0xe1, // EXIF, XMP
  app15: 0xef,
} as const

const sampleBits = 8
/** Grey, and the three of YCbCr or RGB. */
const plainComponents = [1, 3]

/** @returns `null` where libvips should look for itself */
export function readPlainJpeg(bytes: Uint8Array): PlainJpeg | null {
  if (bytes[0] !== 0xff || bytes[1] !== marker.startOfImage) return null
  let at = 2
  // Every segment is at least 4 bytes, and only a few kinds may come before the frame.
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const kind = bytes[at + 1] as number
    const length = word(bytes, at + 2)
    if (length < 2) return null
    if (kind === marker.baseline || kind === marker.progressive) {
      return readFrame(bytes.subarray(at + 4, at + 2 + length), kind === marker.progressive)
    }
    if (!maySkip(kind)) return null
    at += 2 + length
  }
  return null
}

function maySkip(kind: number): boolean {
  if (kind === marker.comment || marker.tables.some((table) => table === kind)) return true
  return kind >= marker.app0 && kind <= marker.app15 && kind !== marker.app1
}

function readFrame(frame: Uint8Array, progressive: boolean): PlainJpeg | null {
  const [bits, , , , , components = 0] = frame
  const height = word(frame, 1)
  const width = word(frame, 3)
  if (bits !== sampleBits || !plainComponents.includes(components)) return null
  if (frame.length !== 6 + 3 * components) return null
  // A height of 0 is told after the first scan: rare, and not plain.
  return width > 0 && height > 0 ? { width, height, progressive } : null
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
