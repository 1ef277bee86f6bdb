import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PlanOptions, planSessions } from '../../src/sessions/plan.ts'

const gib = 2 ** 30
const machine: PlanOptions = {
  device: 'cpu',
  cores: 16,
  memoryBytes: 64 * gib,
  prefersNarrow: false,
  sessionsPerDevice: 'auto',
  threadsPerSession: 'auto',
  maxBatchSize: 'auto',
  growsBatches: false,
}
const gpu: PlanOptions = { ...machine, device: 'cuda:0', growsBatches: true }

/** Sessions and threads, e.g. `2 x 8`. */
function shares(options: Partial<PlanOptions>): string {
  const { sessions, threads } = planSessions({ ...machine, ...options })
  return `${sessions} x ${threads}`
}

test('a CPU is shared out in sessions of up to eight threads', () => {
  assert.equal(shares({ cores: 1 }), '1 x 1')
  assert.equal(shares({ cores: 4 }), '1 x 4')
  assert.equal(shares({}), '2 x 8')
  assert.equal(shares({ cores: 4, threadsPerSession: 2 }), '2 x 2')
  assert.equal(shares({ cores: 4, sessionsPerDevice: 3, threadsPerSession: 2 }), '3 x 2')
})

test('where threads gain little, sessions are many and narrow, and no core is given twice', () => {
  const narrow = (options: Partial<PlanOptions>) => shares({ ...options, prefersNarrow: true })
  assert.equal(narrow({ cores: 1 }), '1 x 1')
  assert.equal(narrow({ cores: 4 }), '4 x 1')
  assert.equal(narrow({ cores: 12 }), '6 x 2')
  assert.equal(narrow({}), '8 x 2')
  assert.equal(narrow({ cores: 96 }), '8 x 12')
  assert.equal(narrow({ sessionsPerDevice: 4 }), '4 x 4')
  assert.equal(narrow({ threadsPerSession: 8 }), '2 x 8')
})

test('an image that comes alone gets the cores of all narrow sessions, unless threads are named', () => {
  const alone = (options: Partial<PlanOptions>) =>
    planSessions({ ...machine, ...options }).threadsAlone
  assert.equal(alone({ cores: 4, prefersNarrow: true }), 4)
  assert.equal(alone({ prefersNarrow: true }), 8)
  assert.equal(alone({ cores: 96, prefersNarrow: true }), 12)
  assert.equal(alone({ prefersNarrow: true, threadsPerSession: 1 }), 1)
  assert.equal(alone({ cores: 4, threadsPerSession: 2 }), 2)
})

test('a batch is as large as pays, unless the operator says otherwise', () => {
  assert.equal(planSessions(machine).maxBatchSize, 8)
  assert.equal(planSessions({ ...machine, prefersNarrow: true }).maxBatchSize, 4)
  assert.equal(planSessions({ ...machine, prefersNarrow: true, maxBatchSize: 16 }).maxBatchSize, 16)
})

test('memory bounds the number of narrow sessions', () => {
  const narrow = (memoryBytes: number) => shares({ cores: 4, memoryBytes, prefersNarrow: true })
  assert.equal(narrow(8 * gib), '4 x 1')
  assert.equal(narrow(3 * gib), '2 x 2')
  assert.equal(narrow(gib / 2), '1 x 4')
})

test('a GPU has two sessions that are fed large batches', () => {
  const plan = planSessions({ ...gpu, prefersNarrow: true })
  assert.deepEqual(plan, {
    device: 'cuda:0',
    sessions: 2,
    threads: 1,
    threadsAlone: 1,
    concurrency: 2,
    maxBatchSize: 32,
    smallBatchSize: 32,
  })
})

test('batches are small where few wait, but where they are to grow and where the operator named a size', () => {
  const sizes = (options: Partial<PlanOptions>) => {
    const { smallBatchSize, maxBatchSize } = planSessions({ ...machine, ...options })
    return [smallBatchSize, maxBatchSize]
  }
  assert.deepEqual(sizes({ cores: 1 }), [2, 8])
  assert.deepEqual(sizes({ cores: 2 }), [4, 8])
  assert.deepEqual(sizes({ cores: 8 }), [8, 8])
  assert.deepEqual(sizes({ cores: 4, prefersNarrow: true }), [2, 4])
  assert.deepEqual(sizes({ cores: 2, maxBatchSize: 8 }), [8, 8])
  assert.deepEqual(sizes({ growsBatches: true }), [8, 8])
  assert.deepEqual(sizes(gpu), [32, 32])
})
