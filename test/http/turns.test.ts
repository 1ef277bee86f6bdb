// Long work beside others: they come in between, whatever it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancellationSource } from '../../src/cancellation.ts'
import { inTurns } from '../../src/http/turns.ts'

/** Pieces that take longer than a turn each. */
function* pieces(name: string, order: string[], count = 3): Iterable<string> {
  for (let piece = 1; piece <= count; piece++) {
    const end = performance.now() + 10
    while (performance.now() < end);
    order.push(`${name}${piece}`)
    yield `${name}${piece}`
  }
}

test('pieces come in order, and others have their turns between them', async () => {
  const order: string[] = []
  const ended = inTurns(pieces('a', order), new CancellationSource())
  const turn = () => {
    order.push('turn')
    if (order.length < 6) setImmediate(turn)
  }
  setImmediate(turn)
  assert.deepEqual(await ended, ['a1', 'a2', 'a3'])
  assert.deepEqual(order.slice(0, 5), ['a1', 'turn', 'a2', 'turn', 'a3'])
})

test('works that go on at the same time take turns, and never two of them the same', async () => {
  const order: string[] = []
  const signal = new CancellationSource()
  let turns = 0
  const count = () => {
    turns += 1
    if (order.length < 9) setImmediate(count)
  }
  setImmediate(count)
  await Promise.all(['a', 'b', 'c'].map((name) => inTurns(pieces(name, order), signal)))
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'])
  assert.ok(turns >= 6, `all of it came in ${turns} turns`)
})

test('what nobody waits for any more ends with its turn', async () => {
  const order: string[] = []
  const signal = new CancellationSource()
  const ended = inTurns(pieces('a', order), signal)
  signal.abort(new Error('gone'))
  await assert.rejects(ended, /gone/)
  assert.deepEqual(order, ['a1'])
})
