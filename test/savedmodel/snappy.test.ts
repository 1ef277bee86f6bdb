import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { uncompressSnappy } from '../../src/savedmodel/snappy.ts'

const require = createRequire(import.meta.url)
const { compress } = require('snappyjs') as { compress(input: Uint8Array): Uint8Array }
const mib = 1024 * 1024

test('what a snappy library compressed is given back', () => {
  const inputs = [
    new Uint8Array(),
    Uint8Array.of(7),
    new Uint8Array(100_000), // one long run: copies that overlap themselves
    Uint8Array.from({ length: 300 }, (_, i) => i * 97), // one literal with a length of two bytes
    Uint8Array.from({ length: 200_000 }, (_, i) => (i * i * 31) >> 7), // literals and copies
    Buffer.from('variables/conv1/kernel/.ATTRIBUTES/VARIABLE_VALUE'.repeat(500)),
  ]
  for (const input of inputs) {
    assert.deepEqual(uncompressSnappy(compress(input), mib), new Uint8Array(input))
  }
})

test('each kind of element is read as the format describes it', () => {
  const text = (bytes: readonly number[]) =>
    Buffer.from(uncompressSnappy(Uint8Array.from(bytes), 100)).toString()
  const ab = [0x04, 0x61, 0x62] // literal of 2: "ab"
  assert.equal(text([2, ...ab]), 'ab')
  assert.equal(text([2, 0xf0, 1, 0x61, 0x62]), 'ab') // length in 1 byte
  assert.equal(text([2, 0xfc, 1, 0, 0, 0, 0x61, 0x62]), 'ab') // length in 4 bytes
  assert.equal(text([6, ...ab, 0x01, 2]), 'ababab') // copy of 4, offset in 11 bits
  assert.equal(text([5, ...ab, 0x0a, 1, 0]), 'abbbb') // copy of 3, offset in 2 bytes
  assert.equal(text([5, ...ab, 0x0b, 2, 0, 0, 0]), 'ababa') // copy of 3, offset in 4 bytes
})

for (const [what, bytes] of [
  ['a length of more bytes than can be', [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]],
  ['fewer bytes than claimed', [3, 0x04, 0x61, 0x62]],
  ['more bytes than claimed', [1, 0x04, 0x61, 0x62]],
  ['a literal past the end', [3, 0x08, 0x61]],
  ['a literal whose length is negative as a signed number', [2, 0xfc, 0xff, 0xff, 0xff, 0xff, 0]],
  ['a copy from before the start', [6, 0x04, 0x61, 0x62, 0x01, 3]],
  ['a copy of what is being written', [6, 0x04, 0x61, 0x62, 0x01, 0]],
  ['an element cut off', [6, 0x04, 0x61, 0x62, 0x02, 1]],
  ['no length', []],
] as const) {
  test(`snappy data with ${what} is refused`, () => {
    assert.throws(() => uncompressSnappy(Uint8Array.from(bytes), 100))
  })
}
