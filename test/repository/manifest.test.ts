import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultManifest, parseManifest } from '../../src/repository/manifest.ts'

const parse = (value: unknown) => parseManifest(JSON.stringify(value), 'm')

test('gaps of a manifest are filled with the usual ImageNet recipe', () => {
  const manifest = parse({ weights: { kind: 'random' }, preprocess: { interpolation: 'bicubic' } })
  assert.equal(manifest.weights.kind, 'random')
  assert.equal(manifest.preprocess.interpolation, 'bicubic')
  assert.deepEqual(manifest.preprocess.mean, defaultManifest.preprocess.mean)
  assert.equal(manifest.labels, 'imagenet-1k')
})

test('a stretching recipe says null for the short side', () => {
  assert.equal(parse({ preprocess: { resizeShortSide: null } }).preprocess.resizeShortSide, null)
})

test('every wrong property is named, with what is allowed', () => {
  const wrong: [unknown, RegExp][] = [
    [
      { preprocess: { resizeShortside: 256 } },
      /preprocess must NOT have additional.*resizeShortside/,
    ],
    [{ weights: { kind: 'stolen' } }, /weights.kind must be equal.*pretrained, random, custom/],
    [{ preprocess: { mean: [1, 2] } }, /preprocess.mean must NOT have fewer than 3 items/],
    [{ preprocess: { std: [1, 0, 1] } }, /preprocess.std.1 must be > 0/],
    [{ versions: { stable: 0 } }, /versions.stable must be >= 1/],
    [{ versions: { 7: 1 } }, /versions must match pattern|property name/],
    [{ labels: null }, /labels must be string/],
    [[], /the file must be object/],
  ]
  for (const [value, message] of wrong) {
    assert.throws(() => parse(value), { name: 'ModelError', kind: 'corrupt', message })
  }
  assert.throws(() => parseManifest('{', 'm'), { name: 'ModelError', message: /not JSON/ })
})

test('of very many wrong properties the first few are told', () => {
  const strange = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`, 1]))
  assert.throws(() => parse(strange), { message: /\(k0\); .*\(k9\); and 990 more$/ })
})
