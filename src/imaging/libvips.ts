// The only door to sharp: how libvips is set up for bytes from anybody, and how an image's header
// and pixels are read. It decodes only; resizing is ours (resample.ts), because it must equal Pillow's.
import type { Metadata, SharpOptions } from 'sharp'
import type { Raster } from './colour.ts'
import type { Box, Size } from './geometry.ts'
import { readGifFrame, whitenAround } from './gif-frame.ts'
import type { ImageFormat } from './imaging.ts'
import { readPlainJpeg } from './jpeg-header.ts'
import { sharp } from './sharp.ts'

const loaders: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'VipsForeignLoadJpegBuffer',
  png: 'VipsForeignLoadPngBuffer',
  webp: 'VipsForeignLoadWebpBuffer',
  gif: 'VipsForeignLoadNsgifBuffer',
  avif: 'VipsForeignLoadHeifBuffer',
  tiff: 'VipsForeignLoadTiffBuffer',
}

let closed = false

/**
 * Blocks every decoder of libvips but those of `formats`. The list is the process's, on all its
 * threads: a later call adds its formats and blocks none, since another may be decoding.
 */
export function openDecoders(formats: readonly ImageFormat[]): void {
  if (!closed) sharp.block({ operation: ['VipsForeignLoad'] })
  closed = true
  sharp.unblock({ operation: formats.map((format) => loaders[format]) })
  tameLibvips()
}

/** No image is read twice, and the images, not the parts of one, are what is decoded in parallel. */
export function tameLibvips(): void {
  sharp.cache(false)
  sharp.concurrency(1)
}

const options: SharpOptions = {
  // Refuses what ends early, as Pillow does, but not what merely warns: cameras write JPEGs with
  // stray bytes between segments, and every browser shows them.
  failOn: 'error',
  // Pillow ignores colour profiles; applying them moves crops by 1.3 of 255 on average.
  ignoreIcc: true,
  // The limit is checked by the caller, who can tell the client what was found.
  limitInputPixels: false,
  pages: 1,
}

export interface Header extends Size {
  /** Orientation, 1…8, by EXIF, else by XMP; width and height are the file's, not turned by it. */
  readonly orientation: number
  readonly cmyk: boolean
  readonly progressive: boolean
}

/** @throws Error of sharp */
export async function readHeader(bytes: Uint8Array): Promise<Header> {
  const plain = readPlainJpeg(bytes)
  if (plain !== null) return { ...plain, orientation: 1, cmyk: false }
  const metadata: Metadata = await sharp(bytes, options).metadata()
  return {
    width: metadata.width,
    height: metadata.height,
    orientation: metadata.orientation ?? xmpOrientation(metadata.xmp),
    cmyk: metadata.space === 'cmyk',
    progressive: metadata.isProgressive === true,
  }
}

/**
 * What Pillow reads where EXIF says nothing: editors write the tag to XMP alone
 * (https://developer.adobe.com/xmp/docs/XMPNamespaces/tiff/).
 */
function xmpOrientation(xmp: Buffer | undefined): number {
  const found = /tiff:Orientation(?:="|>)([1-8])/.exec(xmp?.toString('latin1') ?? '')
  return Number(found?.[1] ?? 1)
}

/**
 * The pixels of `part` of an image, as they lie in the file.
 * @throws Error of sharp
 */
export async function readPixels(bytes: Uint8Array, header: Header, part: Box): Promise<Raster> {
  let image = sharp(bytes, options)
  // The inks as they are: libvips would turn them to RGB through a profile, Pillow does not.
  if (header.cmyk) image = image.pipelineColourspace('cmyk').toColourspace('cmyk')
  if (part.width < header.width || part.height < header.height) {
    image = image.extract({ ...part })
  }
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const raster = { data, width, height, channels, cmyk: header.cmyk }
  const frame = isOpaque(channels) ? readGifFrame(bytes) : null
  if (frame !== null) whitenAround(raster, frame, part)
  return raster
}

/** Grey or RGB, without alpha. */
function isOpaque(channels: number): boolean {
  return channels === 1 || channels === 3
}
