import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withFault } from '../fixtures/faults.ts'
import { openPool } from '../support/test-pool.ts'
import { tinyCrop } from '../support/tiny-model.ts'

test('an image that ended two sessions is refused, harms no other, and ends none when it comes again', async (t) => {
  const { run, deaths } = await openPool(t, 2)
  const crops = [tinyCrop(1), withFault(tinyCrop(2), 'segv'), tinyCrop(3)]
  const first = await run(crops)
  assert.deepEqual(
    first.map(({ ok }) => ok),
    [true, false, true],
  )
  assert.equal(deaths.length, 2)
  const again = await run(crops)
  assert.deepEqual(
    again.map(({ ok }) => ok),
    [true, false, true],
  )
  const alone = await run([withFault(tinyCrop(2), 'segv')])
  assert.equal(alone[0]?.ok, false)
  assert.equal(deaths.length, 2)
})
