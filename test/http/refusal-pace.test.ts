import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { createRefusalPace } from '../../src/http/refusal-pace.ts'

/** Refusals of one second that are sent at once whoever gets them. */
const many = 400

/** A request on a connection of its own. */
const onConnection = (headers: Readonly<Record<string, string>> = {}) =>
  ({ raw: { socket: {}, headers } }) as unknown as FastifyRequest

function withClock() {
  const clock = { ms: 1_000 }
  const pace = createRefusalPace(10_000, () => clock.ms)
  /** So many others are refused, for the first time each. */
  const crowd = (count: number) =>
    Array.from({ length: count }, () => pace.delayMs(onConnection(), 5_000))
  return { clock, pace, crowd }
}

test('few refusals are sent at once, also to who does not wait', () => {
  const { pace } = withClock()
  const early = onConnection()
  for (let count = 0; count < many; count += 1) assert.equal(pace.delayMs(early, 5_000), 0)
})

test('of many, who comes too early waits five seconds, or for as long as he should have', () => {
  const { clock, pace, crowd } = withClock()
  const [early, nearly] = [onConnection(), onConnection()]
  pace.delayMs(early, 20_000)
  pace.delayMs(nearly, 300)
  crowd(many)
  clock.ms += 100
  assert.equal(pace.delayMs(early, 20_000), 5_000)
  assert.equal(pace.delayMs(nearly, 300), 200)
})

test('nobody waits for more than half of the time that an answer may take', () => {
  const pace = createRefusalPace(3_000, () => 0)
  const early = onConnection()
  for (let count = 0; count < many; count += 1) pace.delayMs(early, 20_000)
  assert.equal(pace.delayMs(early, 20_000), 1_500)
})

test('who does as he was told, or was told nothing yet, never waits', () => {
  const { clock, pace, crowd } = withClock()
  const obedient = onConnection()
  pace.delayMs(obedient, 2_000)
  clock.ms += 2_000
  assert.ok(crowd(2 * many).every((delayMs) => delayMs === 0))
  assert.equal(pace.delayMs(obedient, 2_000), 0)
})

test('who waits goes on waiting when there are few again, until he does as he was told', () => {
  const { clock, pace, crowd } = withClock()
  const early = onConnection()
  pace.delayMs(early, 8_000)
  crowd(many)
  assert.equal(pace.delayMs(early, 8_000), 5_000) // sent at 6,000: back at 14,000
  clock.ms = 13_000
  assert.equal(pace.delayMs(early, 8_000), 1_000) // sent at 14,000: back at 22,000
  clock.ms = 22_000
  assert.equal(pace.delayMs(early, 5_000), 0)
  clock.ms += 1
  assert.equal(pace.delayMs(early, 5_000), 0)
})

test('a proxy, whose connections are many clients, never waits', () => {
  const { pace, crowd } = withClock()
  const proxied = [
    { 'x-forwarded-for': '192.0.2.1' },
    { forwarded: 'for=192.0.2.1' },
    { via: '1.1 a' },
  ]
  const requests = proxied.map((headers) => onConnection(headers))
  for (const request of requests) pace.delayMs(request, 5_000)
  crowd(many)
  for (const request of requests) assert.equal(pace.delayMs(request, 5_000), 0)
})
