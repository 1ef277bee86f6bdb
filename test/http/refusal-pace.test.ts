import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { createRefusalPace } from '../../src/http/refusal-pace.ts'

/** Refusals of one second that are sent at once whoever gets them and whatever they cost. */
const few = 400

/** A request on a connection of its own. */
const onConnection = (headers: Readonly<Record<string, string>> = {}) =>
  ({ raw: { socket: {}, headers } }) as unknown as FastifyRequest

function withClock({ cores = 2, requestTimeoutMs = 10_000 } = {}) {
  const clock = { ms: 1_000, busyMs: 0 }
  const pace = createRefusalPace({
    requestTimeoutMs,
    cores,
    now: () => clock.ms,
    busyMs: () => clock.busyMs,
  })
  const refuse = (request: FastifyRequest, retryAfterMs: number) => {
    pace.arrived()
    return pace.delayMs(request, retryAfterMs)
  }
  /** So many others come and are refused, for the first time each; the thread works a while on each. */
  const crowd = (count: number, costMs = 1) =>
    Array.from({ length: count }, () => {
      clock.busyMs += costMs
      return refuse(onConnection(), 5_000)
    })
  return { clock, pace, refuse, crowd }
}

test('few refusals are sent at once, also to who does not wait, whatever they cost', () => {
  const { clock, refuse } = withClock()
  const early = onConnection()
  for (let count = 0; count < few; count += 1) {
    clock.busyMs += 2
    assert.equal(refuse(early, 5_000), 0)
  }
})

test('of many, who comes too early waits five seconds, or for as long as he should have', () => {
  const { clock, refuse, crowd } = withClock()
  const [early, nearly] = [onConnection(), onConnection()]
  refuse(early, 20_000)
  refuse(nearly, 300)
  crowd(few)
  clock.ms += 100
  assert.equal(refuse(early, 20_000), 5_000)
  assert.equal(refuse(nearly, 300), 200)
})

interface Flood {
  readonly count: number
  readonly costMs: number
  readonly cores: number
  readonly answered?: number
  readonly elapsedMs?: number
}

/** What one waits who comes too early, after so many refusals of one second. */
function delayAmong({ count, costMs, cores, answered = 0, elapsedMs = 100 }: Flood): number {
  const { clock, pace, refuse, crowd } = withClock({ cores })
  clock.busyMs += 3_000 // the start
  const early = onConnection()
  refuse(early, 20_000)
  clock.ms += 3_600_000
  const again = onConnection()
  refuse(again, 20_000)
  for (let each = 0; each < answered; each += 1) pace.arrived()
  clock.busyMs += answered * costMs
  crowd(count, costMs)
  clock.ms += elapsedMs
  return refuse(again, 20_000)
}

test('many that cost little are sent at once, also to who does not wait', () => {
  const many = { count: 4_000, costMs: 0.1 }
  assert.equal(delayAmong({ ...many, count: 2_000, cores: 2 }), 0, '200 ms of 2 s')
  assert.equal(delayAmong({ ...many, cores: 2 }), 5_000, '400 ms of 2 s')
  assert.equal(delayAmong({ ...many, cores: 4 }), 0, '400 ms of 4 s')
  assert.equal(delayAmong({ ...many, cores: 64 }), 0, '400 ms of one thread')
  assert.equal(delayAmong({ ...many, count: 6_000, cores: 64 }), 5_000, '600 ms of one thread')
})

test('what the thread does for answers is not taken for the cost of refusals', () => {
  const among = { count: 2_000, costMs: 0.1, cores: 2, answered: 5_000 }
  assert.equal(delayAmong({ ...among, elapsedMs: 900 }), 0)
})

test('a thread that is full of answers has no time for many refusals', () => {
  const among = { count: 1_000, costMs: 0.1, cores: 64, answered: 8_000 }
  assert.equal(delayAmong({ ...among, elapsedMs: 900 }), 5_000, '900 of 900 ms')
  assert.equal(delayAmong({ ...among, answered: 5_000, elapsedMs: 900 }), 0, '600 of 900 ms')
})

test('nobody waits for more than half of the time that an answer may take', () => {
  const { refuse, crowd } = withClock({ requestTimeoutMs: 3_000 })
  const early = onConnection()
  refuse(early, 20_000)
  crowd(few)
  assert.equal(refuse(early, 20_000), 1_500)
})

test('who does as he was told, or was told nothing yet, never waits', () => {
  const { clock, refuse, crowd } = withClock()
  const obedient = onConnection()
  refuse(obedient, 2_000)
  clock.ms += 2_000
  assert.ok(crowd(2 * few).every((delayMs) => delayMs === 0))
  assert.equal(refuse(obedient, 2_000), 0)
})

test('who waits goes on waiting when there are few again, until he does as he was told', () => {
  const { clock, refuse, crowd } = withClock()
  const early = onConnection()
  refuse(early, 8_000)
  crowd(few)
  assert.equal(refuse(early, 8_000), 5_000) // sent at 6,000: back at 14,000
  clock.ms = 13_000
  assert.equal(refuse(early, 8_000), 1_000) // sent at 14,000: back at 22,000
  clock.ms = 22_000
  assert.equal(refuse(early, 5_000), 0)
  clock.ms += 1
  assert.equal(refuse(early, 5_000), 0)
})

test('a proxy, whose connections are many clients, never waits', () => {
  const { refuse, crowd } = withClock()
  const proxied = [
    { 'x-forwarded-for': '192.0.2.1' },
    { forwarded: 'for=192.0.2.1' },
    { via: '1.1 a' },
  ]
  const requests = proxied.map((headers) => onConnection(headers))
  for (const request of requests) refuse(request, 5_000)
  crowd(few)
  for (const request of requests) assert.equal(refuse(request, 5_000), 0)
})
