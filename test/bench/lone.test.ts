import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LoneRound, sortRounds } from '../../bench/lone/rounds.ts'

/** A round of a machine that takes `speed` times as long as it should, and `after` times at its end. */
function round(speed: number, after = speed): LoneRound {
  const service = 17 * speed
  return {
    ...{ inferMs: 10 * speed, decodeMs: 4 * speed, bothMs: 15 * speed },
    ...{ serviceMs: service, inferAgainMs: 10 * after },
  }
}

test('rounds in which the machine changed are told from those in which it did not', () => {
  const { all, steady } = sortRounds([round(1), round(1, 2), round(2, 1), round(1.02)])
  assert.equal(all.rounds, 4)
  assert.equal(steady.rounds, 2)
})

test('steady rounds are told apart by the speed that the machine had', () => {
  const { fast, slow } = sortRounds([round(1), round(1.01), round(1.02), round(2.4), round(2.5)])
  assert.equal(fast.rounds, 3)
  assert.equal(slow.rounds, 2)
  assert.ok(Math.abs(fast.addedMs - 3.03) < 1e-9)
  assert.ok(Math.abs(slow.addedMs - 7.35) < 1e-9)
})

test('what the service adds is the median of what the rounds give, not a difference of medians', () => {
  const rounds = [round(1), round(1), { ...round(2), serviceMs: 29 }]
  assert.equal(sortRounds(rounds).all.addedMs, 3)
  assert.equal(sortRounds(rounds).all.addedToBothMs, 2)
})

test('no rounds give no figures', () => {
  const { slow } = sortRounds([round(1), round(1)])
  assert.equal(slow.rounds, 0)
  assert.ok(Number.isNaN(slow.addedMs))
})
