import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsOf } from '../../src/classification/class-labels.ts'
import { defaultManifest } from '../../src/repository/manifest.ts'
import type { ModelVersion } from '../../src/repository/repository.ts'

function version(labels: readonly string[] | null): ModelVersion {
  const manifest = { ...defaultManifest, ...(labels && { labels: 'names.txt' }) }
  const seen = { fingerprint: '', identity: '', files: '', writtenMs: 0 }
  return { model: 'mine', version: 1, folder: '/nowhere', manifest, labels, ...seen }
}

test('a model of 1000 classes has the names of ImageNet', () => {
  const rows = labelsOf(version(null), 1000)
  assert.deepEqual(rows[1], { index: 1, wnid: 'n01443537', label: 'goldfish' })
})

test('with 1001 classes the first is the background, and the others move up', () => {
  const rows = labelsOf(version(null), 1001)
  assert.deepEqual(rows[0], { index: 0, label: 'background' })
  assert.deepEqual(rows[2], { index: 2, wnid: 'n01443537', label: 'goldfish' })
})

test('with any other number classes are numbered, not named after something else', () => {
  assert.deepEqual(labelsOf(version(null), 2), [
    { index: 0, label: 'class 0' },
    { index: 1, label: 'class 1' },
  ])
})

test('names of its own are taken as they are, one a class', () => {
  assert.deepEqual(labelsOf(version(['cat', 'dog']), 2), [
    { index: 0, label: 'cat' },
    { index: 1, label: 'dog' },
  ])
  assert.throws(() => labelsOf(version(['cat']), 2), {
    name: 'ModelError',
    message: /mine\/names.txt has 1 lines, the model has 2 classes/,
  })
})
