import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJsonImage } from '../../src/http/json-image.ts'

const maxBytes = 30_000_000
const decode = (value: unknown) => decodeJsonImage(Buffer.from(JSON.stringify(value)), maxBytes)

test('base64 may be wrapped, padded or in the URL alphabet', () => {
  const urls = ['data:image/jpeg;base64,/9j/4A==', 'DATA:image/jpeg;Base64,/9j/4A==']
  for (const image of ['/9j/4A==', '_9j_4A', '/9j/\r\n4A==\n', ...urls]) {
    assert.deepEqual([...decode({ image })], [0xff, 0xd8, 0xff, 0xe0], image)
  }
})

test('what is not base64 is refused: strangers among the letters, letters after the padding', () => {
  for (const image of ['ab!c', '====', 'YQ==YQ==', '   ', '\u0000', 'data:image/png,abc']) {
    assert.throws(() => decode({ image }), /base64/, JSON.stringify(image))
  }
})

test('megabytes of spaces before a wrong character are refused as quickly as they are read', () => {
  // A pattern that goes back over them would take hours, which this test then would too.
  assert.throws(() => decode({ image: `${' '.repeat(20_000_000)}!` }), /not base64/)
  assert.throws(() => decode({ image: `YQ==${' '.repeat(20_000_000)}!` }), /not base64/)
  assert.throws(() => decode({ image: `YQ==${'= '.repeat(10_000_000)}a` }), /not base64/)
})

test('a key named __proto__ is a property like others and changes nothing', () => {
  const body = Buffer.from('{"__proto__":{"image":"YQ=="}}')
  assert.throws(() => decodeJsonImage(body, maxBytes), /property "__proto__"/)
  assert.equal(({} as { image?: string }).image, undefined)
})
