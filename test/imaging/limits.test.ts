// What is refused, and that it is refused before it costs anything.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Sharp } from 'sharp'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import type { Imaging } from '../../src/imaging/imaging.ts'
import { noisePicture, picture, pngOfSize } from '../support/pictures.ts'
import { imagenetCrop } from '../support/recipes.ts'
import { runScript } from '../support/run-script.ts'

let imaging: Imaging
before(() => {
  imaging = createImaging({ threads: 1, maxPixels: 100_000, formats: ['jpeg', 'png'] })
})
after(() => imaging.close())

const decode = (bytes: Uint8Array, signal?: AbortSignal) =>
  imaging.decode(new Uint8Array(bytes), [imagenetCrop], signal && { signal })

test('pixels are counted in the header: a few hundred bytes that claim gigapixels are refused', async () => {
  const bomb = pngOfSize(65_000, 65_000)
  assert.ok(bomb.length < 200)
  await assert.rejects(decode(bomb), {
    code: 'image_too_large',
    message: /65000 x 65000 = 4225000000 pixels; at most 100000/,
  })
})

test('the limit itself is allowed, one pixel more is not', async () => {
  const { width, height } = await decode(await noisePicture(1, 400, 250).png().toBuffer())
  assert.equal(width * height, 100_000)
  const more = await noisePicture(1, 401, 250).png().toBuffer()
  await assert.rejects(decode(more), { code: 'image_too_large' })
})

test('a side longer than any photograph has is refused, however thin the picture is', async () => {
  await assert.rejects(decode(pngOfSize(70_000, 1)), { code: 'image_too_large' })
})

test('an image in a form that takes more memory than any common one of its size is refused by its header', async () => {
  const small = createImaging({
    ...{ threads: 1, maxPixels: 100_000, formats: ['jpeg'] as const },
    maxDecodeBytes: 1024 * 1024,
  })
  const progressive = (image: Sharp) =>
    image.jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()
  const colours = await progressive(noisePicture(1, 300, 300))
  const inks = await progressive(noisePicture(1, 300, 300).toColourspace('cmyk'))
  try {
    await small.decode(new Uint8Array(colours), [imagenetCrop])
    await assert.rejects(small.decode(new Uint8Array(inks), [imagenetCrop]), {
      code: 'image_too_large',
      message: /300 x 300 pixels would take about 1 MB .* plain RGB JPEG/,
    })
  } finally {
    await small.close()
  }
})

test('formats that are off are refused by name, and no bytes are no image', async () => {
  const webp = await noisePicture(1).webp().toBuffer()
  await assert.rejects(decode(webp), { code: 'unsupported_image_format', message: /is WebP/ })
  await assert.rejects(decode(new Uint8Array(0)), { code: 'image_missing' })
})

test('decoders of formats that are off are blocked in libvips itself', async () => {
  // In a process of its own, since the list of open decoders is the process's.
  const script = `
    import { openDecoders } from './src/imaging/libvips.js'
    import { sharp } from './src/imaging/sharp.js'
    const make = (format) => sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .toFormat(format).toBuffer()
    const files = new Map()
    for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif']) files.set(format, await make(format))
    files.set('svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'))
    openDecoders(['png'])
    const open = []
    for (const [format, bytes] of files) {
      await sharp(bytes).metadata().then(() => open.push(format), () => {})
    }
    console.log(open.join())`
  assert.equal(await runScript(script), 'png\n')
})

test('an image whose client has gone while it waited is never decoded', async () => {
  const controller = new AbortController()
  const first = decode(await noisePicture(1, 300, 300).png().toBuffer())
  const second = decode(await picture(2), controller.signal)
  controller.abort(new Error('gone'))
  await assert.rejects(second, /gone/)
  await first
  assert.equal(imaging.waiting, 0)
})

test('many images at once wait for the threads there are, and all come out', async () => {
  const files = await Promise.all(Array.from({ length: 12 }, (_, seed) => picture(seed)))
  const decoded = await Promise.all(files.map((file) => decode(file)))
  assert.equal(
    new Set(decoded.map(({ crops }) => Buffer.from(crops[0] ?? []).toString('hex'))).size,
    12,
  )
})

test('the bytes of the caller stay the caller’s when they are part of something larger', async () => {
  const file = await picture(3)
  const larger = new Uint8Array(file.length + 20).fill(7)
  larger.set(file, 10)
  await imaging.decode(larger.subarray(10, 10 + file.length), [imagenetCrop])
  assert.deepEqual(Buffer.from(larger.subarray(10, 10 + file.length)), file)
})

test('one image gives a crop for each recipe, from one decode', async () => {
  const recipes = [imagenetCrop, { ...imagenetCrop, cropSize: 96, height: 96, width: 64 }]
  const { crops } = await imaging.decode(
    new Uint8Array(await noisePicture(1, 300, 260).png().toBuffer()),
    recipes,
  )
  assert.deepEqual(
    crops.map(({ length }) => length),
    [224 * 224 * 3, 96 * 64 * 3],
  )
})
