// The pool on real session processes, real models and real faults.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withFault } from '../fixtures/faults.ts'
import { assertScores, expectedScores, openPool, tinyRequest, until } from '../support/test-pool.ts'
import { tinyCrop } from '../support/tiny-model.ts'

test('a batch comes back as one row of scores a crop, in order', async (t) => {
  const { pool, run } = await openPool(t, 1)
  const seeds = [1, 2, 3, 4, 5]
  const outcomes = await run(seeds.map(tinyCrop))
  await assertScores(outcomes, seeds)
  for (const outcome of outcomes) assert.ok(outcome.ok && outcome.value.inferMs > 0)
  assert.equal(pool.description.engine, 'onnxruntime')
})

test('an image that the engine will not run costs neither its session nor its batch-mates', async (t) => {
  const { run, deaths } = await openPool(t, 1)
  const crops = [withFault(tinyCrop(1), 'throw'), tinyCrop(2), tinyCrop(3)]
  const outcomes = [...(await run(crops)), ...(await run(crops.slice(1)))]
  assert.deepEqual(
    outcomes.map(({ ok }) => ok),
    [false, true, true, true, true],
  )
  assert.deepEqual(deaths, [])
})

test('the place of a session that seems to hang is filled before that is certain', async (t) => {
  const { pool, run, deaths } = await openPool(t, 1, {
    watchdog: { floorMs: 15_000 },
    limits: { drainMs: 1, endMs: 1 },
  })
  const lease = await pool.lease()
  const stuck = new Promise<void>((resolve) => {
    void lease.run([withFault(tinyCrop(1), 'hang')], resolve)
  })
  await stuck
  const [outcome] = await run([tinyCrop(2)])
  assert.equal(outcome?.ok, true)
  assert.deepEqual(deaths, [])
})

test('a session that the system has no room for is tried again, and the service goes on', async (t) => {
  const { pool, run, deaths } = await openPool(t, 1, { restart: { minMs: 10, maxMs: 10 } })
  // No process can be started with a variable of this length: what Node throws then it also throws
  // where there is no memory.
  process.env.TEST_TOO_LONG = 'x'.repeat(1 << 20)
  t.after(() => delete process.env.TEST_TOO_LONG)
  process.kill(pool.sessions[0]?.pid as number, 'SIGKILL')
  await until(() => deaths.length >= 3)
  assert.match(deaths[2]?.detail ?? '', /E2BIG/)
  delete process.env.TEST_TOO_LONG
  const [outcome] = await run([tinyCrop(1)])
  assert.equal(outcome?.ok, true)
})

test('an image gets the threads of all sessions exactly while it is the only one', async (t) => {
  const request = { ...(await tinyRequest()), threadsAlone: 2 }
  const { pool, run, lines } = await openPool(t, 3, { request })
  await pool.complete
  const told = () => lines.filter((line) => line === 'alone').length
  await until(() => told() === 1) // it was made warm, in one of the three sessions

  const [outcome] = await run([tinyCrop(1)])
  const [expected] = await expectedScores([1])
  assert.ok(outcome?.ok)
  assert.deepEqual(outcome.value.scores, expected)
  await until(() => told() === 2)

  await run([tinyCrop(1), tinyCrop(2)])
  const lease = await pool.lease()
  const first = lease.run([withFault(tinyCrop(3), 'slow')]) // alone when it starts
  const beside = await Promise.all([run([tinyCrop(4)]), run([tinyCrop(5)])])
  assert.deepEqual(
    beside.map(([one]) => one?.ok),
    [true, true],
  )
  await first
  await run([tinyCrop(6)])
  await until(() => told() >= 4)
  assert.equal(told(), 4)
})

test('the session for images that come alone is replaced by one that is for them too', async (t) => {
  const request = { ...(await tinyRequest()), threadsAlone: 2 }
  const { pool, run, lines, deaths } = await openPool(t, 2, { request, restart: { minMs: 10 } })
  await pool.complete
  const wide = pool.sessions[1]?.pid as number // the last one
  process.kill(wide, 'SIGKILL')
  await until(() => deaths.length === 1 && pool.counts.idle === 2)
  await run([tinyCrop(1)])
  await until(() => lines.filter((line) => line === 'alone').length === 3) // warm, warm again, run
})
