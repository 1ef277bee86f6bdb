import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createReturns } from '../../src/classification/returns.ts'

test('who is refused alone comes back when there is room', () => {
  let now = 5_000
  const returns = createReturns(() => now)
  assert.equal(returns.next(300, 50), 300)
  now += 1_000
  assert.equal(returns.next(300, 50), 300)
})

test('a crowd comes back one after the other, as fast as images are answered', () => {
  const returns = createReturns(() => 0)
  const turns = Array.from({ length: 5 }, () => returns.next(1_000, 50))
  assert.deepEqual(turns, [1_000, 1_050, 1_100, 1_150, 1_200])
})

test('nobody is sent away for longer than thirty seconds, or than the queue takes', () => {
  let now = 0
  const returns = createReturns(() => now)
  const crowd = Array.from({ length: 1_000 }, () => returns.next(1_000, 50))
  assert.equal(Math.max(...crowd), 30_000)
  // 581 places of 50 ms from 1 to 30 s: at no time do more than two of the thousand come back.
  const places = [...new Set(crowd)]
  assert.equal(places.length, 581)
  assert.ok(places.every((place) => crowd.filter((turn) => turn === place).length <= 2))
  assert.equal(returns.next(45_000, 50), 45_000)
  now += 60_000
  assert.equal(returns.next(0, 50), 0) // nobody of them is still expected
})
