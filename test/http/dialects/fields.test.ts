import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base64Of } from '../../../src/http/dialects/fields.ts'

test('base64 may be wrapped, padded, in the URL alphabet or a data: URL', () => {
  const urls = ['data:image/jpeg;base64,/9j/4A==', 'DATA:image/jpeg;BASE64,/9j/4A==']
  for (const image of ['/9j/4A==', '_9j_4A', '/9j/\r\n4A==\n', ...urls]) {
    assert.deepEqual([...base64Of(image, 'it')], [0xff, 0xd8, 0xff, 0xe0], image)
  }
})

test('megabytes of spaces before a wrong character are refused as quickly as they are read', () => {
  // A pattern that goes back over them would take hours, which this test then would too.
  assert.throws(() => base64Of(`${' '.repeat(20_000_000)}!`, 'it'), /expected base64/)
  assert.throws(() => base64Of(`YQ==${' '.repeat(20_000_000)}!`, 'it'), /expected base64/)
})
