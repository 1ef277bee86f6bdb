// Every form of picture that people send comes out as the RGB it shows, whatever is inside the file.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import type { CropRecipe, Imaging } from '../../src/imaging/imaging.ts'
import { sharp } from '../../src/imaging/sharp.ts'
import { noise, noisePicture } from '../support/pictures.ts'
import { meanDifference } from '../support/pixels.ts'

const side = 32
/** The picture itself: nothing is resized or cut off. */
const asItIs: CropRecipe = {
  resizeShortSide: side,
  cropSize: side,
  interpolation: 'bilinear',
  height: side,
  width: side,
}

let imaging: Imaging
before(() => {
  imaging = createImaging({
    threads: 1,
    maxPixels: 1_000_000,
    formats: ['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'],
  })
})
after(() => imaging.close())

async function pixelsOf(bytes: Uint8Array, recipe = asItIs): Promise<Uint8Array> {
  const { crops } = await imaging.decode(new Uint8Array(bytes), [recipe])
  return crops[0] as Uint8Array
}

/** A picture without noise, which lossy formats keep. */
function smooth() {
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3)
    return [4 * (pixel % side) + 60, 3 * Math.floor(pixel / side) + 80, 128][i % 3] as number
  })
  const picture = sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
  return { pixels, picture }
}

test('lossless formats give back every pixel', async () => {
  const encoded = {
    png: await noisePicture(1).png().toBuffer(),
    webp: await noisePicture(1).webp({ lossless: true }).toBuffer(),
    tiff: await noisePicture(1).tiff({ compression: 'lzw' }).toBuffer(),
  }
  for (const [format, bytes] of Object.entries(encoded)) {
    assert.deepEqual(await pixelsOf(bytes), noise(1), format)
    const { format: found } = await imaging.decode(new Uint8Array(bytes), [asItIs])
    assert.equal(found, format)
  }
})

test('lossy formats give back what the picture shows', async () => {
  const { pixels, picture } = smooth()
  const encoded = {
    jpeg: await picture.clone().jpeg({ quality: 95 }).toBuffer(),
    progressive: await picture.clone().jpeg({ quality: 95, progressive: true }).toBuffer(),
    webp: await picture.clone().webp({ quality: 95 }).toBuffer(),
    avif: await picture.clone().avif({ quality: 90 }).toBuffer(),
    gif: await picture.clone().gif().toBuffer(),
  }
  for (const [format, bytes] of Object.entries(encoded)) {
    const difference = meanDifference(await pixelsOf(bytes), pixels)
    assert.ok(difference < 4, `${format}: mean difference ${difference}`)
  }
})

test('grey is the same in all three channels', async () => {
  const grey = Uint8Array.from({ length: side * side }, (_, i) => (i * 7) % 256)
  const raw = { width: side, height: side, channels: 1 } as const
  const expected = Uint8Array.from(
    { length: grey.length * 3 },
    (_, i) => grey[Math.floor(i / 3)] ?? 0,
  )
  for (const depth of ['8 bits', '16 bits']) {
    const picture = sharp(grey, { raw }).toColourspace(depth === '8 bits' ? 'b-w' : 'grey16')
    assert.deepEqual(await pixelsOf(await picture.png().toBuffer()), expected, depth)
  }
})

test('16 bits a channel become 8', async () => {
  const bytes = await noisePicture(2).toColourspace('rgb16').png().toBuffer()
  assert.equal((await sharp(bytes).metadata()).depth, 'ushort')
  assert.ok(meanDifference(await pixelsOf(bytes), noise(2)) < 1)
})

test('a palette becomes its colours', async () => {
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const colour = [
      [200, 10, 10],
      [10, 200, 10],
      [10, 10, 200],
    ][Math.floor(i / 3) % 3] as number[]
    return colour[i % 3] as number
  })
  const raw = { width: side, height: side, channels: 3 } as const
  const bytes = await sharp(pixels, { raw }).png({ palette: true, colours: 8 }).toBuffer()
  assert.equal((await sharp(bytes).metadata()).isPalette, true)
  assert.ok(meanDifference(await pixelsOf(bytes), pixels) < 2)
})

test('what is transparent shows the white behind it', async () => {
  const rgba = Uint8Array.from(
    { length: side * side * 4 },
    (_, i) => [200, 100, 0, 0][i % 4] as number,
  )
  for (let pixel = 0; pixel < side * side; pixel += 2) rgba[pixel * 4 + 3] = 128
  const raw = { width: side, height: side, channels: 4 } as const
  const crop = await pixelsOf(await sharp(rgba, { raw }).png().toBuffer())
  const half = [227, 177, 127] // round((colour * 128 + 255 * 127) / 255), as Pillow rounds
  assert.deepEqual([...crop.subarray(0, 6)], [...half, 255, 255, 255])
})

test('a GIF whose picture is smaller than its screen has white around it', async () => {
  const [left, top, pictureSide] = [5, 9, 16]
  const pixels = noise(3, pictureSide, pictureSide).map((byte) => byte & 0xc0) // few colours
  const raw = { width: pictureSide, height: pictureSide, channels: 3 } as const
  const file = await sharp(pixels, { raw }).gif().toBuffer()
  const flags = file.indexOf(Buffer.from([0x21, 0xf9, 4])) + 3
  file.writeUInt8((file[flags] as number) & ~1, flags) // no colour is transparent
  const shown = await sharp(file).removeAlpha().raw().toBuffer()
  const descriptor = file.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, pictureSide, 0]))
  file.writeUInt16LE(left, descriptor + 1)
  file.writeUInt16LE(top, descriptor + 3)
  file.writeUInt16LE(side, 6) // the screen
  file.writeUInt16LE(side, 8)
  const margin = 4
  for (const cut of [0, margin]) {
    const cropSide = side - 2 * cut
    const expected = new Uint8Array(cropSide * cropSide * 3).fill(255)
    for (let y = 0; y < pictureSide; y++) {
      const row = shown.subarray(y * pictureSide * 3, (y + 1) * pictureSide * 3)
      expected.set(row, ((y + top - cut) * cropSide + left - cut) * 3)
    }
    const recipe = { ...asItIs, cropSize: cropSide, height: cropSide, width: cropSide }
    assert.deepEqual(await pixelsOf(file, recipe), expected, `${cut} cut off`)
  }
})

test('four inks become the colours that Pillow makes of them', async () => {
  const { pixels, picture } = smooth()
  const bytes = await picture.toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer()
  assert.equal((await sharp(bytes).metadata()).space, 'cmyk')
  const crop = await pixelsOf(bytes)
  assert.equal(crop.length, pixels.length)
  assert.ok(meanDifference(crop, pixels) < 60, 'the same picture, not a negative of it')
})

test('an animation shows its first picture', async () => {
  const frames = Buffer.concat([noise(1), noise(2)])
  const raw = { width: side, height: side * 2, channels: 3, pageHeight: side } as const
  const animated = await sharp(frames, { raw }).webp({ lossless: true, loop: 0 }).toBuffer()
  assert.equal((await sharp(animated).metadata()).pages, 2)
  assert.deepEqual(await pixelsOf(animated), noise(1))
})

test('EXIF orientation is applied: all eight say the same', async () => {
  const [width, height] = [48, 32]
  const upright = noise(5, width, height)
  const recipe = { ...asItIs, resizeShortSide: 32 }
  const raw = (w: number, h: number) => ({ raw: { width: w, height: h, channels: 3 as const } })
  const whole = await pixelsOf(await sharp(upright, raw(width, height)).png().toBuffer(), recipe)
  for (let orientation = 1; orientation <= 8; orientation++) {
    const stored = turned(upright, { width, height }, orientation)
    const swaps = orientation > 4
    const file = await sharp(stored, swaps ? raw(height, width) : raw(width, height))
      .withMetadata({ orientation })
      .png()
      .toBuffer()
    assert.deepEqual(await pixelsOf(file, recipe), whole, `orientation ${orientation}`)
  }
})

test('an orientation that only XMP names is applied, but EXIF counts for more', async () => {
  const [width, height] = [48, 32]
  const raw = { width: height, height: width, channels: 3 } as const
  const stored = turned(noise(5, width, height), { width, height }, 6)
  const picture = sharp(stored, { raw })
  const xmp = (value: string) =>
    `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><rdf:Description ${value}</rdf:RDF></x:xmpmeta>`
  const forms = [
    xmp('tiff:Orientation="6"/>'),
    xmp('><tiff:Orientation>6</tiff:Orientation></rdf:Description>'),
  ]
  for (const form of forms) {
    const jpeg = await picture.clone().withXmp(form).jpeg().toBuffer()
    assert.equal((await sharp(jpeg).metadata()).orientation, undefined)
    const decoded = await imaging.decode(new Uint8Array(jpeg), [asItIs])
    assert.deepEqual([decoded.width, decoded.height], [width, height])
  }
  const both = await picture
    .withXmp(forms[0] as string)
    .withMetadata({ orientation: 1 })
    .jpeg()
  const upright = await imaging.decode(new Uint8Array(await both.toBuffer()), [asItIs])
  assert.deepEqual([upright.width, upright.height], [height, width])
})

/** The pixels as a camera stores them that was held in this orientation. */
function turned(
  upright: Uint8Array,
  { width, height }: { width: number; height: number },
  orientation: number,
): Uint8Array {
  const swaps = orientation > 4
  const [storedWidth, storedHeight] = swaps ? [height, width] : [width, height]
  const across = [2, 3, 6, 7].includes(orientation)
  const down = [3, 4, 7, 8].includes(orientation)
  const stored = new Uint8Array(upright.length)
  for (let y = 0; y < storedHeight; y++) {
    for (let x = 0; x < storedWidth; x++) {
      const [u, v] = swaps ? [y, x] : [x, y]
      const from = ((down ? height - 1 - v : v) * width + (across ? width - 1 - u : u)) * 3
      stored.set(upright.subarray(from, from + 3), (y * storedWidth + x) * 3)
    }
  }
  return stored
}
