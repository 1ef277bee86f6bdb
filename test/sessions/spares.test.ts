// Session processes that are there before anybody knows what they are to load.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { type Spares, startSpares } from '../../src/sessions/spares.ts'
import { expectedScores, openPool } from '../support/test-pool.ts'
import { tinyCrop } from '../support/tiny-model.ts'

/** Tells who was taken. */
function watched(spares: Spares, taken: (number | undefined)[]): Spares {
  return {
    ...spares,
    take(device) {
      const spare = spares.take(device)
      taken.push(spare?.child.pid)
      return spare
    },
  }
}

test('sessions are made of the spares that are there, and work as others do', async (t) => {
  const taken: (number | undefined)[] = []
  const spares = await startSpares(1)
  t.after(() => spares.end())
  const { pool, run, deaths } = await openPool(t, 2, { spares: watched(spares, taken) })
  await pool.complete
  assert.equal(taken.length, 2)
  const [spare, none] = taken
  assert.ok(spare !== undefined && none === undefined)
  assert.equal(pool.sessions[0]?.pid, spare)
  const [outcome] = await run([tinyCrop(1)])
  const [expected] = await expectedScores([1])
  assert.ok(outcome?.ok)
  assert.deepEqual(outcome.value.scores, expected)
  assert.deepEqual(deaths, [])
})

test('nobody gets a spare for another device, or after the end', async (t) => {
  const spares = await startSpares(3)
  t.after(() => spares.end())
  assert.equal(spares.take('cuda:0'), undefined)
  const first = spares.take('cpu')?.child
  assert.ok(first !== undefined)
  first.kill('SIGKILL')
  const second = spares.take('cpu')?.child
  assert.ok(second !== undefined && second.pid !== first.pid)
  spares.end()
  assert.equal(spares.take('cpu'), undefined)
  assert.equal(second.exitCode, null) // whoever took it ends it
  second.kill('SIGKILL')
  await Promise.all([once(first, 'exit'), once(second, 'exit')])
})

test('a spare that has died unseen is replaced by a process that is not one', async (t) => {
  const spares = await startSpares(1)
  t.after(() => spares.end())
  let dead: number | undefined
  const { pool, run } = await openPool(t, 1, {
    spares: {
      ...spares,
      take(device) {
        const spare = spares.take(device)
        spare?.child.kill('SIGKILL')
        dead ??= spare?.child.pid
        return spare
      },
    },
  })
  assert.ok(dead !== undefined && pool.sessions[0]?.pid !== dead)
  const [outcome] = await run([tinyCrop(1)])
  assert.equal(outcome?.ok, true)
})
