// A small photograph that comes alone is decoded without a decoding thread, and comes out the same.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ServiceError } from '../../src/errors.ts'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import type { Imaging } from '../../src/imaging/imaging.ts'
import { noisePicture } from '../support/pictures.ts'
import { imagenetCrop } from '../support/recipes.ts'

let imaging: Imaging
before(async () => {
  imaging = createImaging({ threads: 1, maxPixels: 2_000_000, formats: ['jpeg', 'png'] })
  const first = await noisePicture(1, 300, 200).jpeg().toBuffer()
  while (!(await decode(first, true)).stayed); // what it needs is still being loaded
})
after(() => imaging.close())

const recipes = [imagenetCrop, { ...imagenetCrop, resizeShortSide: null, height: 96, width: 64 }]

/** `stayed`: the bytes were not moved to a decoding thread. */
async function decode(file: Uint8Array, isAlone: boolean) {
  const bytes = new Uint8Array(file)
  const { decodeMs: _, ...image } = await imaging.decode(bytes, recipes, { isAlone })
  return { image, stayed: bytes.length > 0 }
}

const photograph = (width: number, height: number) => noisePicture(2, width, height)

const small = {
  'a photograph': () => photograph(500, 375).jpeg(),
  'one in grey': () => photograph(320, 481).greyscale().jpeg(),
  'the largest': () => photograph(1024, 512).jpeg({ quality: 40 }),
}
for (const [what, make] of Object.entries(small)) {
  test(`${what} comes out as from a decoding thread, without one`, async () => {
    const file = await make().toBuffer()
    const here = await decode(file, true)
    const there = await decode(file, false)
    assert.deepEqual(here.image, there.image)
    assert.equal(here.stayed, true)
    assert.equal(there.stayed, false)
  })
}

const others = {
  'a larger one': () => photograph(1024, 513).jpeg({ quality: 40 }),
  'one of many bytes': () =>
    photograph(700, 700).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }),
  'a progressive one': () => photograph(500, 375).jpeg({ progressive: true }),
  'one with EXIF': () => photograph(500, 375).withMetadata({ orientation: 6 }).jpeg(),
  'a PNG': () => photograph(100, 100).png(),
}
for (const [what, make] of Object.entries(others)) {
  test(`${what} is for a decoding thread`, async () => {
    assert.equal((await decode(await make().toBuffer(), true)).stayed, false)
  })
}

test('what is broken is refused in the same words', async () => {
  const whole = await photograph(500, 375).jpeg().toBuffer()
  const words = async (isAlone: boolean) => {
    const half = whole.subarray(0, whole.length / 2)
    const error = await decode(half, isAlone).then(
      () => assert.fail('it was decoded'),
      (error: ServiceError) => error,
    )
    return { code: error.code, message: error.message }
  }
  const here = await words(true)
  assert.equal(here.code, 'image_undecodable')
  assert.deepEqual(here, await words(false))
})

test('it waits for its turn as others do', async () => {
  const large = await photograph(1400, 1400).png().toBuffer()
  const file = await photograph(500, 375).jpeg().toBuffer()
  const slow = imaging.decode(new Uint8Array(large), recipes)
  const order: string[] = []
  await Promise.all([
    slow.then(() => order.push('slow')),
    decode(file, true).then(({ stayed }) => order.push(stayed ? 'here' : 'there')),
  ])
  assert.deepEqual(order, ['slow', 'here'])
})
