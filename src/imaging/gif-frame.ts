// Where a GIF's first picture lies on its screen. libvips draws the ground around it as black where
// no picture of the file has transparency, and as transparent where one has: it is white either way.
// Blocks: GIF89a (https://www.w3.org/Graphics/GIF/spec-gif89a.txt), 15 to 23.
import type { Raster } from './colour.ts'
import type { Box } from './geometry.ts'

const headerBytes = 13 // signature, version and the screen
const descriptorBytes = 10
const block = { extension: 0x21, image: 0x2c } as const

/** @returns `null` where the bytes are no GIF, or end before its first picture */
export function readGifFrame(bytes: Uint8Array): Box | null {
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'GIF8') return null
  const flags = bytes[10] as number
  const colours = (flags & 0x80) === 0 ? 0 : 2 << (flags & 0x07)
  let at = headerBytes + 3 * colours
  while (bytes[at] === block.extension) {
    at += 2 // with its label
    for (let length = bytes[at]; length; length = bytes[at]) at += 1 + length
    at += 1
  }
  if (bytes[at] !== block.image || at + descriptorBytes > bytes.length) return null
  const word = (index: number) =>
    (bytes[at + index] as number) | ((bytes[at + index + 1] as number) << 8)
  return { left: word(1), top: word(3), width: word(5), height: word(7) }
}

/** Fills what lies outside `frame` with white. @param part where the raster lies on the same screen */
export function whitenAround(
  { data, width, height, channels }: Raster,
  frame: Box,
  part: Box,
): void {
  const left = clamp(frame.left - part.left, width)
  const right = clamp(frame.left + frame.width - part.left, width)
  const top = clamp(frame.top - part.top, height)
  const bottom = clamp(frame.top + frame.height - part.top, height)
  const index = (x: number, y: number) => (y * width + x) * channels
  data.fill(white, 0, index(0, top)).fill(white, index(0, bottom))
  for (let y = top; y < bottom; y++) {
    data.fill(white, index(0, y), index(left, y)).fill(white, index(right, y), index(width, y))
  }
}

const white = 255

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max)
}
