import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancellationSource, cancelledWith } from '../src/cancellation.ts'

test('listeners hear of the first abort only, in the order they came', () => {
  const source = new CancellationSource()
  const heard: string[] = []
  source.addEventListener('abort', () => heard.push('one'))
  source.addEventListener('abort', () => heard.push('two'))
  const reason = new Error('late')
  source.abort(reason)
  source.abort(new Error('later'))
  assert.deepEqual(heard, ['one', 'two'])
  assert.equal(source.reason, reason)
  assert.equal(source.aborted, true)
})

test('who stopped listening hears nothing, and a listener may stop others', () => {
  const source = new CancellationSource()
  const heard: string[] = []
  const gone = () => heard.push('gone')
  source.addEventListener('abort', gone)
  const stopped = () => heard.push('stopped')
  source.addEventListener('abort', () => {
    heard.push('here')
    source.removeEventListener('abort', stopped)
  })
  source.addEventListener('abort', stopped)
  source.removeEventListener('abort', gone)
  source.removeEventListener('abort', gone)
  source.abort(undefined)
  assert.deepEqual(heard, ['here'])
})

test('a cancellation ends with its parent, also with one that has ended already', () => {
  const parent = new AbortController()
  const child = cancelledWith(parent.signal)
  assert.equal(child.aborted, false)
  const reason = new Error('gone')
  parent.abort(reason)
  assert.deepEqual([child.aborted, child.reason], [true, reason])
  assert.equal(cancelledWith(parent.signal).reason, reason)
})

test('a cancellation that ends by itself leaves its parent alone', () => {
  const parent = new CancellationSource()
  cancelledWith(parent).abort(new Error('enough'))
  assert.equal(parent.aborted, false)
})
