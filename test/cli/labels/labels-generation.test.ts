import assert from 'node:assert/strict'
import test from 'node:test'
import { labelClasses, synsetsAbove } from '../../../src/cli/labels/label-table.ts'
import { parseNouns } from '../../../src/cli/labels/wordnet.ts'

// Lines in the form of WordNet's data.noun, with words of our own.
const nouns = parseNouns(
  [
    '  1 This line belongs to the licence.  ',
    '00000001 03 n 01 thing 0 001 ~ 00000002 n 0000 | a root  ',
    '00000002 05 n 02 big_bird 0 fowl 1 002 @ 00000001 n 0000 + 00000009 v 0101 | it flies  ',
    '00000003 06 n 01 device 0 001 @ 00000001 n 0000 | it lifts  ',
    '00000004 05 n 01 Crane 0 001 @ 00000002 n 0000 | with pipes | in its gloss  ',
    '00000005 06 n 02 crane 1 hoist 0 002 %p 00000003 n 0000 @i 00000003 n 0000 | of steel  ',
    '00000006 06 n 0b a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 k 0 000 | eleven words  ',
  ].join('\n'),
)

test('a synset has its words, and what it is a kind or an instance of', () => {
  assert.deepEqual(nouns.get('n00000002'), {
    wnid: 'n00000002',
    lemmas: ['big bird', 'fowl'],
    parents: ['n00000001'],
  })
  assert.deepEqual(nouns.get('n00000005')?.parents, ['n00000003'])
  assert.equal(nouns.get('n00000006')?.lemmas.length, 11)
  assert.equal(nouns.size, 6)
})

test('classes that share a word, in whatever case, are told apart by what they are kinds of', () => {
  const labels = labelClasses(['n00000004', 'n00000005', 'n00000002'], nouns)
  assert.deepEqual(labels, ['Crane (big bird)', 'crane (device)', 'big bird'])
})

test('classes that stay alike are refused', () => {
  assert.throws(() => labelClasses(['n00000004', 'n00000004'], nouns), {
    name: 'UsageError',
    message: 'classes still share the labels crane (big bird)',
  })
})

test('every synset above is listed once', () => {
  const above = synsetsAbove(['n00000004', 'n00000005'], nouns)
  assert.deepEqual(
    above.map(({ wnid }) => wnid),
    ['n00000001', 'n00000002', 'n00000003'],
  )
})

test('an id that WordNet lacks is named', () => {
  assert.throws(() => labelClasses(['n99999999'], nouns), /WordNet has no noun "n99999999"/)
})
