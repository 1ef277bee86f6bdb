// Long work beside others: they come in between, whatever it is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancellationSource } from '../../src/cancellation.ts'
import { createAnswerBudget } from '../../src/http/answer-budget.ts'
import { inTurns } from '../../src/http/turns.ts'

const turns = (signal = new CancellationSource()) => ({
  signal,
  answer: createAnswerBudget(1_000_000).open(),
})

/** Pieces that take longer than a turn each. */
function* pieces(name: string, order: string[], count = 3): Iterable<Uint8Array> {
  for (let piece = 1; piece <= count; piece++) {
    const end = performance.now() + 10
    while (performance.now() < end);
    order.push(`${name}${piece}`)
    yield Buffer.from(`${name}${piece}`)
  }
}

test('pieces come in order, and others have their turns between them', async () => {
  const order: string[] = []
  const ended = inTurns(pieces('a', order), turns())
  const turn = () => {
    order.push('turn')
    if (order.length < 6) setImmediate(turn)
  }
  setImmediate(turn)
  assert.equal(Buffer.concat(await ended).toString(), 'a1a2a3')
  assert.deepEqual(order.slice(0, 5), ['a1', 'turn', 'a2', 'turn', 'a3'])
})

test('works that go on at the same time take turns, and never two of them the same', async () => {
  const order: string[] = []
  let count = 0
  const turn = () => {
    count += 1
    if (order.length < 9) setImmediate(turn)
  }
  setImmediate(turn)
  await Promise.all(['a', 'b', 'c'].map((name) => inTurns(pieces(name, order), turns())))
  assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'b2', 'c2', 'a3', 'b3', 'c3'])
  assert.ok(count >= 6, `all of it came in ${count} turns`)
})

test('what nobody waits for any more ends with its turn', async () => {
  const order: string[] = []
  const signal = new CancellationSource()
  const ended = inTurns(pieces('a', order), turns(signal))
  signal.abort(new Error('gone'))
  await assert.rejects(ended, /gone/)
  assert.deepEqual(order, ['a1'])
})
