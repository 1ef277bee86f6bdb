import assert from 'node:assert/strict'
import test from 'node:test'
import { imagenetLabels, imagenetSynsets } from '../../src/classification/labels.ts'

test('there are 1000 classes in order, each with a WordNet id and a label of its own', () => {
  const labels = imagenetLabels()
  assert.equal(labels.length, 1000)
  labels.forEach(({ index, wnid, label }, position) => {
    assert.equal(index, position)
    assert.match(wnid, /^n\d{8}$/)
    assert.match(label, /^[A-Za-z][A-Za-z0-9 '.()/-]*$/)
  })
  assert.equal(new Set(labels.map(({ wnid }) => wnid)).size, 1000)
  assert.equal(new Set(labels.map(({ label }) => label.toLowerCase())).size, 1000)
})

for (const [index, wnid, label] of [
  [0, 'n01440764', 'tench'],
  [1, 'n01443537', 'goldfish'],
  [134, 'n02012849', 'crane (wading bird)'],
  [517, 'n03126707', 'crane (lifting device)'],
  [638, 'n03710637', 'maillot (tights)'],
  [639, 'n03710721', 'maillot (swimsuit)'],
  [999, 'n15075141', 'toilet tissue'],
] as const) {
  test(`class ${index} is ${label}`, () => {
    assert.deepEqual(imagenetLabels()[index], { index, wnid, label })
  })
}

test('the table is read once', () => {
  assert.equal(imagenetLabels(), imagenetLabels())
  assert.equal(imagenetSynsets(), imagenetSynsets())
})

test('every class leads up to entity, through synsets that are all there', () => {
  const synsets = imagenetSynsets()
  const reached = new Set<string>()
  const climb = (wnid: string): void => {
    if (reached.has(wnid)) return
    reached.add(wnid)
    const synset = synsets.get(wnid)
    assert.ok(synset, `${wnid} is missing`)
    if (synset.parents.length === 0) assert.equal(synset.label, 'entity')
    synset.parents.forEach(climb)
  }
  for (const { wnid } of imagenetLabels()) climb(wnid)
  assert.equal(reached.size, synsets.size)
})

test('a goldfish is a fish and an animal', () => {
  const synsets = imagenetSynsets()
  const above = (wnid: string): readonly string[] =>
    (synsets.get(wnid)?.parents ?? []).flatMap((parent) => [
      synsets.get(parent)?.label ?? '',
      ...above(parent),
    ])
  const labels = above('n01443537')
  assert.ok(labels.includes('fish') && labels.includes('animal'), labels.join(', '))
})
