// The crops of real photographs against Pillow's own, which lie beside them.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { createImaging } from '../../src/imaging/decoder-pool.ts'
import type { Imaging } from '../../src/imaging/imaging.ts'
import { sharp } from '../../src/imaging/sharp.ts'
import { meanDifference } from '../support/pixels.ts'
import { imagenetCrop } from '../support/recipes.ts'

const folder = new URL('../../../../shared/images/', import.meta.url)
const skip = existsSync(folder) ? false : 'needs the photographs of ../shared/images'

/** The contract allows 0.5 of 255; the same decoder and the same arithmetic leave nothing. */
const allowedDifference = 0.01

describe('the crops of 32 photographs', { skip }, () => {
  let imaging: Imaging
  before(() => {
    imaging = createImaging({ threads: 2, maxPixels: 50_000_000, formats: ['jpeg', 'png'] })
  })
  after(() => imaging.close())

  const photographs = skip ? [] : readdirSync(folder).filter((name) => name.endsWith('.JPEG'))
  for (const name of photographs) {
    it(`${name} is cropped as Pillow crops it`, async () => {
      const bytes = readFileSync(new URL(name, folder))
      const { crops } = await imaging.decode(bytes, [imagenetCrop])
      const reference = new URL(`reference/${name.replace(/\.JPEG$/, '.png')}`, folder)
      const expected = await sharp(readFileSync(reference)).removeAlpha().raw().toBuffer()
      const difference = meanDifference(crops[0] as Uint8Array, expected)
      assert.ok(difference <= allowedDifference, `mean absolute difference ${difference}`)
    })
  }
})
