// Files that are small and ask for much: of pixels, of memory, of time. All are made in code.
import { deflateSync } from 'node:zlib'
import { sharp } from '../../src/imaging/sharp.ts'
import { makePng, pngChunk } from './png.ts'

export interface Bomb {
  readonly name: string
  readonly bytes: Buffer
  /** The status it must get, where its header alone decides. */
  readonly told?: number
}

const mib = 2 ** 20
/** Just inside MAX_IMAGE_PIXELS: 49 million. */
const largestSide = 7_000

/** Bombs of the formats that are on by default. */
export async function makeBombs(): Promise<readonly Bomb[]> {
  return [...lies(), ...pngBombs(), ...jpegMetadata(await plainJpeg()), ...(await largest())]
}

function plainJpeg(): Promise<Buffer> {
  const create = { width: 40, height: 30, channels: 3 as const, background: '#a54' }
  return sharp({ create }).jpeg().toBuffer()
}

/** Headers that announce more than is allowed; what follows does not matter. */
function lies(): Bomb[] {
  const gif = Buffer.from('GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff', 'latin1')
  const frame = Buffer.from(',\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0;', 'latin1')
  const jpeg = Buffer.from(
    'ffd8ffc0001108ffffffff03011100021100031100ffda000c03010002000300003f00ffd9',
    'hex',
  )
  const vp8x = Buffer.from('RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0', 'latin1')
  const told = 413
  return [
    {
      name: 'PNG of 60000 × 60000',
      bytes: makePng({ width: 60_000, height: 60_000 }, [], noRows),
      told,
    },
    {
      name: 'PNG of 2147483647 × 1',
      bytes: makePng({ width: 2 ** 31 - 1, height: 1 }, [], noRows),
    },
    {
      name: 'PNG of 50000 × 1001',
      bytes: makePng({ width: 50_000, height: 1_001 }, [], noRows),
      told,
    },
    { name: 'PNG of 65536 × 1', bytes: makePng({ width: 65_536, height: 1 }), told },
    { name: 'GIF of 65535 × 65535', bytes: Buffer.concat([gif, frame]), told },
    { name: 'JPEG of 65535 × 65535', bytes: jpeg },
    { name: 'WebP of 16384 × 16384', bytes: vp8x },
  ]
}

const noRows = deflateSync(Buffer.alloc(100))

function pngBombs(): Bomb[] {
  const size = { width: 8, height: 8 }
  const zeros = deflateSync(Buffer.alloc(200 * mib))
  const named = (name: string, data: Buffer) =>
    Buffer.concat([Buffer.from(`${name}\0\0`, 'latin1'), data])
  const texts = Array.from({ length: 20_000 }, (_, i) => pngChunk('tEXt', Buffer.from(`k${i}\0v`)))
  return [
    {
      name: 'PNG with a zTXt of 200 MiB',
      bytes: makePng(size, [pngChunk('zTXt', named('a', zeros))]),
    },
    {
      name: 'PNG with a profile of 200 MiB',
      bytes: makePng(size, [pngChunk('iCCP', named('a', zeros))]),
    },
    {
      name: 'PNG with an iTXt of 200 MiB',
      bytes: makePng(size, [
        pngChunk('iTXt', Buffer.concat([Buffer.from('a\0\x01\0\0\0'), zeros])),
      ]),
    },
    { name: 'PNG with 20000 texts', bytes: makePng(size, texts) },
    { name: 'PNG whose rows go on for 200 MiB', bytes: makePng(size, [], zeros) },
    { name: 'PNG of 1 × 1', bytes: makePng({ width: 1, height: 1 }) },
    { name: 'PNG of 1 × 50000', bytes: makePng({ width: 1, height: 50_000 }) },
    { name: 'PNG of 50000 × 1', bytes: makePng({ width: 50_000, height: 1 }) },
  ]
}

function segment(marker: number, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(data.length + 2, 2)
  return Buffer.concat([head, data])
}

/** A JPEG with more and odder metadata than any camera writes. */
function jpegMetadata(plain: Buffer): Bomb[] {
  const withSegments = (...segments: Buffer[]) =>
    Buffer.concat([plain.subarray(0, 2), ...segments, plain.subarray(2)])
  // A TIFF directory whose "next directory" is itself, and whose entry claims 4 GiB of values.
  const loop = Buffer.from('49492a000800000001000e010200ffffffff0800000008000000', 'hex')
  const exif = (tiff: Buffer) => segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), tiff]))
  const orientation = (value: number) => {
    const tiff = Buffer.from('49492a0008000000010012010300010000000000000000000000', 'hex')
    tiff.writeUInt16LE(value, 18)
    return exif(tiff)
  }
  const full = segment(0xe5, Buffer.alloc(65_533, 0x41))
  return [
    { name: 'JPEG whose EXIF refers to itself', bytes: withSegments(exif(loop)) },
    { name: 'JPEG with 10 MiB of segments', bytes: withSegments(...Array(160).fill(full)) },
    {
      name: 'JPEG with 50000 comments',
      bytes: withSegments(...Array(50_000).fill(segment(0xfe, Buffer.from('x')))),
    },
    ...[0, 9, 65_535].map((value) => ({
      name: `JPEG turned by orientation ${value}`,
      bytes: withSegments(orientation(value)),
    })),
    { name: 'JPEG with 5 MiB after its end', bytes: Buffer.concat([plain, Buffer.alloc(5 * mib)]) },
    {
      name: 'JPEG that is a ZIP too',
      bytes: Buffer.concat([plain, Buffer.from('PK\x05\x06'), Buffer.alloc(18)]),
    },
    {
      name: 'GIF that is a script too',
      bytes: Buffer.from('GIF89a/*\0\0\0\0\0\0*/=1;alert(1)//;'),
    },
    { name: 'HTML with a JPEG inside', bytes: Buffer.concat([Buffer.from('<script>'), plain]) },
  ]
}

/** The dearest images that are allowed, in every format and way of storing. */
async function largest(): Promise<Bomb[]> {
  const side = largestSide
  const create = { width: side, height: side, channels: 3 as const, background: '#3a7' }
  const flat = () => sharp({ create, limitInputPixels: false })
  const dearest = { progressive: true, chromaSubsampling: '4:4:4' }
  const progressive = await flat().jpeg(dearest).toBuffer()
  return [
    { name: 'JPEG of 49 MP', bytes: await flat().jpeg().toBuffer() },
    { name: 'JPEG of 49 MP, progressive', bytes: progressive },
    {
      name: 'JPEG of 49 MP, progressive, four inks',
      bytes: await flat().toColourspace('cmyk').jpeg(dearest).toBuffer(),
    },
    { name: 'JPEG of 49 MP, progressive, 400 scans', bytes: manyScans(progressive, 400) },
    {
      name: 'PNG of 49 MP, RGBA of 16 bit',
      bytes: makePng({ width: side, height: side, bitDepth: 16, colourType: 6 }),
    },
    {
      name: 'PNG of 49 MP, interlaced',
      bytes: makePng({ width: side, height: side, interlaced: true }),
    },
    {
      name: 'PNG of 50 MP, 1 bit',
      bytes: makePng({ width: 50_000, height: 1_000, bitDepth: 1, colourType: 0 }),
    },
    { name: 'WebP of 49 MP', bytes: await flat().webp({ effort: 0 }).toBuffer() },
    {
      name: 'WebP of 49 MP, lossless',
      bytes: await flat().webp({ lossless: true, effort: 0 }).toBuffer(),
    },
    { name: 'GIF of 49 MP', bytes: await flat().gif({ effort: 1 }).toBuffer() },
  ]
}

/** The last scan of a progressive JPEG, said again and again: each is worked through. */
function manyScans(jpeg: Buffer, scans: number): Buffer {
  const last = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]))
  const scan = jpeg.subarray(last, -2)
  return Buffer.concat([jpeg.subarray(0, last), ...Array(scans).fill(scan), jpeg.subarray(-2)])
}
