import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readPlainJpeg } from '../../src/imaging/jpeg-header.ts'
import { sharp } from '../../src/imaging/sharp.ts'
import { createRandom, damage } from '../support/mutations.ts'
import { noisePicture } from '../support/pictures.ts'
import {
  sharedPhotograph,
  sharedPhotographNames,
  withoutPhotographs,
} from '../support/shared-photographs.ts'

/** What libvips says of the same bytes; `null` where it refuses them. */
async function byLibvips(bytes: Uint8Array) {
  try {
    const found = await sharp(bytes, { failOn: 'error', limitInputPixels: false }).metadata()
    const { width, height, isProgressive, orientation, space } = found
    return { width, height, progressive: isProgressive, orientation, space }
  } catch {
    return null
  }
}

const plainPictures = {
  baseline: noisePicture(1, 61, 47).jpeg(),
  progressive: noisePicture(2, 61, 47).jpeg({ progressive: true }),
  '4:4:4': noisePicture(3, 200, 1).jpeg({ chromaSubsampling: '4:4:4' }),
  grey: noisePicture(4, 33, 90).greyscale().jpeg(),
  'with a colour profile': noisePicture(5, 40, 30).withIccProfile('p3').jpeg(),
}

for (const [name, picture] of Object.entries(plainPictures)) {
  test(`the size of a JPEG is read as libvips reads it: ${name}`, async () => {
    const bytes = await picture.toBuffer()
    const plain = readPlainJpeg(bytes)
    assert.notEqual(plain, null)
    const expected = await byLibvips(bytes)
    assert.deepEqual({ ...expected, ...plain }, expected)
    assert.ok((expected?.orientation ?? 1) === 1 && expected?.space !== 'cmyk')
  })
}

test('what is not plain is left to libvips', async () => {
  const picture = noisePicture(6, 20, 10)
  const left = {
    'an orientation': await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'four inks': await picture.clone().toColourspace('cmyk').jpeg().toBuffer(),
    'another format': await picture.clone().png().toBuffer(),
    'a head alone': (await picture.clone().jpeg().toBuffer()).subarray(0, 60),
    nothing: new Uint8Array(0),
  }
  for (const [name, bytes] of Object.entries(left)) assert.equal(readPlainJpeg(bytes), null, name)
})

test('of 4,000 damaged JPEGs, none is read in another size than libvips finds', async () => {
  const random = createRandom(7)
  const whole = await Promise.all(
    Object.values(plainPictures).map((picture) => picture.clone().toBuffer()),
  )
  let compared = 0
  for (let i = 0; i < 4000; i++) {
    const source = random.pick(whole)
    // The frame lies near the start: damage there tells more than among the coefficients.
    const head = damage(source.subarray(0, 700), random)
    const bytes = Buffer.concat([head, source.subarray(700)])
    const plain = readPlainJpeg(bytes)
    if (plain === null) continue
    const expected = await byLibvips(bytes)
    if (expected === null) continue // libvips refuses it when it decodes, too
    compared += 1
    assert.deepEqual({ ...expected, ...plain }, expected, `damage ${i}`)
    assert.ok((expected.orientation ?? 1) === 1 && expected.space !== 'cmyk', `damage ${i}`)
  }
  assert.ok(compared > 500, `only ${compared} could be compared`)
})

test('photographs are read in the size that libvips finds', {
  skip: withoutPhotographs,
}, async () => {
  let plainOnes = 0
  for (const name of sharedPhotographNames()) {
    const bytes = sharedPhotograph(name)
    const plain = readPlainJpeg(bytes)
    if (plain === null) continue
    plainOnes += 1
    const expected = await byLibvips(bytes)
    assert.deepEqual({ ...expected, ...plain }, expected, name)
  }
  assert.ok(plainOnes > 0)
})
