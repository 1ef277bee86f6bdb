import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createForecast } from '../../src/classification/forecast.ts'

/** Teaches batches of 1…8 that take 5 ms and 10 ms an image. */
function learned(sessions: number) {
  const forecast = createForecast(() => sessions, 8)
  for (let round = 0; round < 20; round++) {
    for (let size = 1; size <= 8; size++) forecast.learn(size, 5 + 10 * size)
  }
  return forecast
}

const near = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < expected * 0.15, `${found} is not about ${expected}`)

test('before anything is learned nothing is promised', () => {
  assert.equal(createForecast(() => 1, 8).finishMs(100), 0)
})

test('before the first batch of a client the one of the warm-up is believed, and not after it', () => {
  const forecast = createForecast(() => 2, 8, 80)
  near(forecast.finishMs(16), 80 + 10)
  near(forecast.eachMs(), 5)
  assert.equal(forecast.sizeWithin(40), 4)
  forecast.learn(8, 40)
  near(forecast.finishMs(16), 40 + 5)
})

test('a lone image is done after one batch of one', () => near(learned(1).finishMs(0), 15))

test('images ahead fill whole batches first', () => near(learned(1).finishMs(16), 2 * 85 + 15))

test('two sessions halve the wait for the batches ahead', () => {
  near(learned(2).finishMs(16), 85 + 15)
})

test('only sessions that are there count, and one that is to come where there is none', () => {
  let there = 2
  const forecast = createForecast(() => there, 8, 80)
  near(forecast.finishMs(16), 80 + 10)
  there = 1
  near(forecast.finishMs(16), 160 + 10)
  near(forecast.eachMs(), 10)
  there = 0
  near(forecast.finishMs(16), 160 + 10)
})

test('batches of one size only are taken as proportional', () => {
  const forecast = createForecast(() => 1, 8)
  for (let round = 0; round < 50; round++) forecast.learn(8, 80)
  near(forecast.finishMs(0), 10)
})

test('where images take longer than foretold, more time is asked for; and less again later', () => {
  const forecast = learned(1)
  near(forecast.surelyMs(100), 140)
  for (let round = 0; round < 1000; round++) forecast.compare(100, 150)
  near(forecast.surelyMs(100), 150)
  for (let round = 0; round < 1000; round++) forecast.compare(100, 100)
  near(forecast.surelyMs(100), 100)
})

test('forecasts that scatter are believed with a margin', () => {
  const forecast = learned(1)
  for (let round = 0; round < 500; round++) forecast.compare(100, round % 2 === 0 ? 60 : 140)
  near(forecast.surelyMs(100), 260)
})
