import assert from 'node:assert/strict'
import { test } from 'node:test'
import { baseOf } from '../../src/cli/server-address.ts'

test('the address of a server keeps the path of a proxy, and loses what does not belong to it', () => {
  assert.equal(baseOf('http://host:8000'), 'http://host:8000')
  assert.equal(baseOf('http://host:8000/?x=1'), 'http://host:8000')
  assert.equal(baseOf('https://host/images//'), 'https://host/images')
  assert.equal(baseOf('http://host:8000/v1/classify?model=resnet50'), 'http://host:8000')
  assert.equal(baseOf('https://host/images/v1/classify/'), 'https://host/images')
})

test('what is no address of a server is refused in words', () => {
  for (const url of ['host:8000', 'ftp://host', 'http://']) {
    assert.throws(() => baseOf(url), { name: 'UsageError', message: /expected an http or https/ })
  }
})
