// Whole images of every accepted format and of their variants, made in code: what mutations start
// from.
import type { Sharp } from 'sharp'
import { sharp } from '../../src/imaging/sharp.ts'
import { picture } from '../support/known-images.ts'

export interface Seed {
  readonly name: string
  readonly format: 'jpeg' | 'png' | 'webp' | 'gif' | 'avif' | 'tiff'
  readonly bytes: Buffer
}

const side = 48
const raw = { width: side, height: side, channels: 3 as const }
const photo = (seed = 1) => sharp(picture(seed, side), { raw })
/** Three frames, one below the other, as sharp takes them for an animation. */
const frames = () =>
  sharp(Buffer.concat([1, 2, 3].map((seed) => picture(seed, side))), {
    raw: { ...raw, height: 3 * side, pageHeight: side },
  })

const recipes: readonly [string, Seed['format'], () => Sharp][] = [
  ['baseline', 'jpeg', () => photo().jpeg()],
  ['progressive', 'jpeg', () => photo().jpeg({ progressive: true, chromaSubsampling: '4:4:4' })],
  ['grey', 'jpeg', () => photo().greyscale().jpeg()],
  ['CMYK', 'jpeg', () => photo().toColourspace('cmyk').jpeg()],
  ['turned by EXIF', 'jpeg', () => photo().withMetadata({ orientation: 6 }).jpeg()],
  ['colour', 'png', () => photo().png()],
  ['alpha, interlaced', 'png', () => photo().ensureAlpha(0.5).png({ progressive: true })],
  ['16 bit', 'png', () => photo().toColourspace('rgb16').png()],
  ['palette', 'png', () => photo().png({ palette: true, colours: 16 })],
  ['with a profile', 'png', () => photo().withIccProfile('p3').png()],
  ['lossy', 'webp', () => photo().webp()],
  ['lossless', 'webp', () => photo().webp({ lossless: true })],
  ['alpha', 'webp', () => photo().ensureAlpha(0.5).webp()],
  ['animated', 'webp', () => frames().webp({ loop: 0 })],
  ['still', 'gif', () => photo().gif()],
  ['animated', 'gif', () => frames().gif()],
  ['still', 'avif', () => photo().avif({ effort: 0 })],
  ['alpha', 'avif', () => photo().ensureAlpha(0.5).avif({ effort: 0 })],
  ['LZW', 'tiff', () => photo().tiff({ compression: 'lzw' })],
  ['tiles', 'tiff', () => photo().tiff({ tile: true, tileWidth: 16, tileHeight: 16 })],
  ['JPEG inside', 'tiff', () => photo().tiff({ compression: 'jpeg' })],
  ['many pages', 'tiff', () => frames().tiff({ compression: 'deflate' })],
]

export async function makeSeeds(formats: readonly string[]): Promise<readonly Seed[]> {
  const wanted = recipes.filter(([, format]) => formats.includes(format))
  return await Promise.all(
    wanted.map(async ([variant, format, make]) => ({
      name: `${format} (${variant})`,
      format,
      bytes: await make().toBuffer(),
    })),
  )
}
