import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recipeKey, recipeOf } from '../../src/classification/recipe.ts'
import { defaultManifest } from '../../src/repository/manifest.ts'

const { preprocess } = defaultManifest

test('without a manifest a network of 224 gets the usual 256/224 recipe', () => {
  const recipe = recipeOf(preprocess, { height: 224, width: 224 })
  assert.deepEqual(recipe, {
    resizeShortSide: 256,
    cropSize: 224,
    interpolation: 'bilinear',
    height: 224,
    width: 224,
  })
})

test('another input size keeps the proportion', () => {
  assert.equal(recipeOf(preprocess, { height: 96, width: 96 }).resizeShortSide, 110)
})

test('the manifest decides where it speaks, and null stretches', () => {
  const own = { ...preprocess, resizeShortSide: null, cropSize: 299 }
  const recipe = recipeOf(own, { height: 96, width: 96 })
  assert.equal(recipe.resizeShortSide, null)
  assert.equal(recipe.cropSize, 299)
  assert.notEqual(recipeKey(recipe), recipeKey(recipeOf(preprocess, { height: 96, width: 96 })))
})
