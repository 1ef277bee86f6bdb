// Tells an image's format by its first bytes, never by names or headers: what clients declare is
// often wrong. Signatures: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern
import type { ImageFormat } from './imaging.ts'

/** Formats that are recognised only to refuse them by name. */
export type ForeignFormat = 'heic' | 'svg' | 'pdf' | 'bmp' | 'jxl' | 'jp2' | 'ico' | 'psd'

/** How people write the formats' names. */
export const formatNames: Readonly<Record<ImageFormat | ForeignFormat, string>> = {
  jpeg: 'JPEG',
  png: 'PNG',
  webp: 'WebP',
  gif: 'GIF',
  avif: 'AVIF',
  tiff: 'TIFF',
  heic: 'HEIC',
  svg: 'SVG',
  pdf: 'PDF',
  bmp: 'BMP',
  jxl: 'JPEG XL',
  jp2: 'JPEG 2000',
  ico: 'ICO',
  psd: 'Photoshop',
}

/** Bytes in Latin-1 at the start of the file; a dot stands for any byte. */
const signatures: readonly (readonly [string, ImageFormat | ForeignFormat])[] = [
  ['\xff\xd8\xff', 'jpeg'],
  ['\x89PNG\r\n\x1a\n', 'png'],
  ['RIFF....WEBP', 'webp'],
  ['GIF87a', 'gif'],
  ['GIF89a', 'gif'],
  ['II*\0', 'tiff'],
  ['MM\0*', 'tiff'],
  // BigTIFF, https://www.awaresystems.be/imaging/tiff/bigtiff.html
  ['II+\0', 'tiff'],
  ['MM\0+', 'tiff'],
  ['%PDF-', 'pdf'],
  ['BM', 'bmp'],
  ['\xff\x0a', 'jxl'],
  ['\0\0\0\x0cJXL ', 'jxl'],
  ['\0\0\0\x0cjP  ', 'jp2'],
  ['\xff\x4f\xff\x51', 'jp2'],
  ['\0\0\x01\0', 'ico'],
  ['8BPS', 'psd'],
]

/** How far into a text file the root element of an SVG is looked for. */
const svgSearchBytes = 1024

/** The format of `bytes`, or undefined where the first bytes are none's. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | ForeignFormat | undefined {
  const start = latin1(bytes.subarray(0, svgSearchBytes))
  const found = signatures.find(([signature]) => startsWith(start, signature))
  if (found !== undefined) return found[1]
  if (start.slice(4, 8) === 'ftyp') return isoMediaFormat(bytes)
  return /^[\s\xef\xbb\xbf]*<(\?xml|!--|!DOCTYPE svg|svg)/i.test(start) && /<svg/i.test(start)
    ? 'svg'
    : undefined
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function startsWith(text: string, signature: string): boolean {
  for (let i = 0; i < signature.length; i++) {
    if (signature[i] !== '.' && signature[i] !== text[i]) return false
  }
  return true
}

const heicBrands = /heic|heix|hevc|hevx|heim|heis|hevm|hevs/

/** AVIF and HEIC are one container (ISO 14496-12); the brands of its `ftyp` box tell them apart. */
function isoMediaFormat(bytes: Uint8Array): 'avif' | 'heic' | undefined {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  // Brands: the major one, 4 bytes of version, then the compatible ones to the end of the box.
  const brands = latin1(bytes.subarray(8, Math.min(size, svgSearchBytes)))
  if (/avif|avis/.test(brands)) return 'avif'
  return heicBrands.test(brands) || brands.startsWith('mif1') ? 'heic' : undefined
}
