// Who is let in, by how long the queue is and how well such queues were foretold.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createForecast } from '../../src/classification/forecast.ts'
import { surely } from '../../src/classification/foretell.ts'
import type { ServedModel } from '../../src/classification/served-model.ts'
import type { Imaging } from '../../src/imaging/imaging.ts'

const imaging = { forecastMs: () => 0 } as unknown as Imaging

/** Two sessions that take 10 ms an image in batches of 8, foretold badly so far. */
function served(inFlight: number): ServedModel {
  const forecast = createForecast(() => 2, 8)
  for (let round = 0; round < 50; round++) forecast.learn(8, 80)
  for (let round = 0; round < 500; round++) forecast.compare(100, round % 2 === 0 ? 40 : 200)
  const options = { maxBatchSize: 8, sessions: 2 }
  return { version: { model: 'small' }, forecast, inFlight, options } as unknown as ServedModel
}

test('a short queue is let grow whatever the scatter, since sessions would stand idle', () => {
  const short = served(31)
  assert.equal(surely(short, imaging), short.forecast.finishMs(31))
})

test('a long queue is believed to take as long as nearly all like it did', () => {
  const long = served(32)
  assert.ok(surely(long, imaging) > 3 * long.forecast.finishMs(32))
})
