// Which pass comes first, and that the pixels show it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutCrop, prepareCrop } from '../../src/imaging/crop.ts'
import { type CropPlan, planCrop } from '../../src/imaging/geometry.ts'
import type { CropRecipe } from '../../src/imaging/imaging.ts'
import { goesDownFirst } from '../../src/imaging/resize.ts'

const small: CropRecipe = {
  resizeShortSide: null,
  cropSize: 4,
  interpolation: 'bicubic',
  height: 4,
  width: 4,
}

/** 6 x 30 pixels by a formula that anybody can repeat in Python. */
function tall() {
  const [width, height] = [6, 30]
  const value = (i: number) => {
    const pixel = Math.floor(i / 3)
    return ((pixel % width) * 83 + Math.floor(pixel / width) * 57 + (i % 3) * 101) % 256
  }
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => value(i))
  const read = (y: number, into: Uint8Array) =>
    into.set(data.subarray(y * width * 3, (y + 1) * width * 3))
  return { width, height, read }
}

/** `Image.resize((4, 4), BICUBIC).tobytes()` of that picture, by Pillow 13.0.0. */
const byPillow13 = [
  122, 130, 111, 142, 124, 128, 136, 122, 140, 134, 117, 131, 125, 130, 116, 141, 127, 127, 135,
  123, 139, 132, 120, 136, 115, 130, 118, 132, 128, 115, 138, 123, 139, 134, 121, 135, 113, 138,
  116, 137, 124, 121, 136, 130, 136, 133, 116, 141,
]
/** The same by across first, as Pillow 12 went: it differs. */
const acrossFirst = [
  122, 130, 111, 142, 124, 129, 136, 122, 140, 134, 117, 131, 125, 130, 116, 141, 127, 127, 136,
  123, 139, 132, 120, 136, 115, 130, 118, 132, 128, 114, 138, 123, 139, 133, 121, 136, 114, 138,
  116, 136, 124, 121, 136, 130, 136, 133, 116, 141,
]

test('a picture that loses far more height than width is resized down first, as Pillow 13 does', () => {
  const picture = tall()
  const crop = prepareCrop(picture, small)
  const part = { left: 0, top: 0, width: 6, height: 30 }
  assert.deepEqual(crop.needs, part)
  assert.deepEqual([...cutCrop(crop, picture, part)], byPillow13)
  assert.deepEqual([...cutCrop({ ...crop, downFirst: false }, picture, part)], acrossFirst)
})

test('down goes first where the height loses more than twice what the width loses', () => {
  const from = { width: 100, height: 130 }
  assert.equal(goesDownFirst(from, { width: 50, height: 29 }), true)
  assert.equal(goesDownFirst(from, { width: 50, height: 30 }), false)
  assert.equal(goesDownFirst(from, { width: 150, height: 129 }), true)
  assert.equal(goesDownFirst(from, { width: 150, height: 130 }), false)
  assert.equal(goesDownFirst(from, { width: 150, height: 140 }), false)
})

test('a screenshot of a telephone goes down first, a photograph held upright does not', () => {
  const recipe: CropRecipe = { ...small, resizeShortSide: 256, cropSize: 224 }
  const resized = (width: number, height: number): CropPlan['resized'] =>
    planCrop({ width, height }, recipe).resized
  assert.equal(goesDownFirst({ width: 1080, height: 2400 }, resized(1080, 2400)), true)
  assert.equal(goesDownFirst({ width: 3024, height: 4032 }, resized(3024, 4032)), false)
})
