import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BatcherOptions, createBatcher, type Outcome } from '../../src/batching/batcher.ts'

/** A session that runs batches when the test says so. */
function bench(changes: Partial<BatcherOptions<string, string>> = {}) {
  const started: { items: readonly string[]; finish: (outcomes?: Outcome<string>[]) => void }[] = []
  const depths: number[] = []
  let released = 0
  const batcher = createBatcher<string, string>({
    lease: async () => ({
      run: (items) =>
        new Promise((resolve) => {
          const done = items.map((item) => ({ ok: true as const, value: item.toUpperCase() }))
          started.push({ items, finish: (outcomes = done) => resolve(outcomes) })
        }),
      release: () => {
        released += 1
      },
    }),
    maxLeases: 1,
    maxSize: 3,
    maxDelayMs: 0,
    maxQueue: 5,
    rejectFull: () => new Error('full'),
    rejectLate: () => new Error('late'),
    observe: { queued: (depth) => depths.push(depth), batch: () => {} },
    ...changes,
  })
  const submit = (item: string, signal?: AbortSignal) => {
    const result = batcher.submit(item, {
      deadline: Number.POSITIVE_INFINITY,
      ...(signal && { signal }),
    })
    result.catch(() => {}) // a test that expects the rejection awaits it later
    return result
  }
  return { batcher, started, depths, submit, released: () => released }
}

/** Lets everything that is ready to run do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('a lone item starts at once, without waiting for company', async () => {
  const { started, submit } = bench()
  const result = submit('a')
  await settle()
  assert.deepEqual(started[0]?.items, ['a'])
  started[0]?.finish()
  const { value, batchSize, queueMs } = await result
  assert.deepEqual([value, batchSize], ['A', 1])
  assert.ok(queueMs >= 0)
})

test('what waits while a batch runs becomes the next batch, in order and up to the limit', async () => {
  const { started, submit } = bench()
  const first = submit('a')
  await settle()
  const others = ['b', 'c', 'd', 'e'].map((item) => submit(item))
  started[0]?.finish()
  await first
  await settle()
  assert.deepEqual(started[1]?.items, ['b', 'c', 'd'])
  started[1]?.finish()
  await settle()
  assert.deepEqual(started[2]?.items, ['e'])
  started[2]?.finish()
  const sizes = (await Promise.all(others)).map(({ batchSize }) => batchSize)
  assert.deepEqual(sizes, [3, 3, 3, 1])
})

test('a second session takes what the first left behind', async () => {
  const { started, submit } = bench({ maxLeases: 2, maxSize: 2 })
  for (const item of ['a', 'b', 'c']) void submit(item)
  await settle()
  assert.deepEqual(
    started.flatMap(({ items }) => items),
    ['a', 'b', 'c'],
  )
  assert.equal(started.length, 2)
})

test('one bad item does not touch its batch-mates', async () => {
  const { started, submit } = bench()
  void submit('x')
  await settle()
  const good = submit('a')
  const bad = submit('b')
  started[0]?.finish()
  await settle()
  started[1]?.finish([
    { ok: true, value: 'A' },
    { ok: false, error: new Error('b is bad') },
  ])
  assert.equal((await good).value, 'A')
  await assert.rejects(bad, /b is bad/)
})

test('an item that finds the queue full is refused, and a place that comes free is used again', async () => {
  const { started, submit, batcher } = bench({ maxQueue: 2 })
  void submit('running')
  await settle()
  void submit('a')
  void submit('b')
  await assert.rejects(submit('c'), /full/)
  assert.equal(batcher.depth, 2)
  started[0]?.finish()
  await settle()
  void submit('d')
  assert.equal(batcher.depth, 1)
})

test('an item whose deadline passed while it waited is refused, not computed', async () => {
  const { batcher, started, submit } = bench()
  const first = submit('a')
  await settle()
  const late = batcher.submit('late', { deadline: performance.now() - 1 })
  const inTime = submit('b')
  started[0]?.finish()
  await first
  await assert.rejects(late, /late/)
  assert.deepEqual(started[1]?.items, ['b'])
  started[1]?.finish()
  await inTime
})

test('when all that waited is late the lease goes back unused', async () => {
  const { batcher, started, released } = bench()
  await assert.rejects(batcher.submit('late', { deadline: performance.now() - 1 }), /late/)
  await batcher.idle()
  assert.equal(started.length, 0)
  assert.equal(released(), 1)
})

test('an item whose client has gone leaves the queue, with the reason of its signal', async () => {
  const { started, submit, batcher } = bench()
  void submit('a')
  await settle()
  const controller = new AbortController()
  const gone = submit('gone', controller.signal)
  void submit('b')
  controller.abort(new Error('client gone'))
  await assert.rejects(gone, /client gone/)
  assert.equal(batcher.depth, 1)
  started[0]?.finish()
  await settle()
  assert.deepEqual(started[1]?.items, ['b'])
})

test('a client that goes while its batch runs learns of it at once, and the others keep theirs', async () => {
  const { started, submit } = bench({ maxSize: 2 })
  void submit('x')
  await settle()
  const controller = new AbortController()
  const gone = submit('a', controller.signal)
  const stays = submit('b')
  started[0]?.finish()
  await settle()
  controller.abort(new Error('client gone'))
  await assert.rejects(gone, /client gone/)
  started[1]?.finish()
  assert.equal((await stays).value, 'B')
})

test('an item that comes with an aborted signal is never queued', async () => {
  const { submit, batcher } = bench()
  await assert.rejects(submit('a', AbortSignal.abort(new Error('too late'))), /too late/)
  assert.equal(batcher.depth, 0)
})

test('a delay holds a batch back until it is full', async () => {
  const { started, submit } = bench({ maxDelayMs: 60_000 })
  void submit('a')
  void submit('b')
  await settle()
  assert.equal(started.length, 0)
  void submit('c')
  await settle()
  assert.deepEqual(started[0]?.items, ['a', 'b', 'c'])
})

test('a delay that has run out lets a batch go that is not full', async () => {
  const { started, submit } = bench({ maxDelayMs: 1 })
  const result = submit('a')
  while (started.length === 0) await settle()
  started[0]?.finish()
  assert.equal((await result).batchSize, 1)
})

test('a delay costs no item its deadline', async () => {
  const { batcher, started } = bench({ maxDelayMs: 60_000, batchMs: () => 9900 })
  const result = batcher.submit('a', { deadline: performance.now() + 10_000 })
  while (started.length === 0) await settle()
  started[0]?.finish()
  assert.equal((await result).value, 'A')
})

test('when no lease can be had all that waits learns why, and later items are tried anew', async () => {
  let works = false
  const { submit } = bench({
    lease: async () => {
      if (!works) throw new Error('no session')
      return { run: async (items) => items.map((value) => ({ ok: true, value })), release() {} }
    },
  })
  await assert.rejects(submit('a'), /no session/)
  works = true
  assert.equal((await submit('b')).value, 'b')
})

test('a run that throws rejects its whole batch and nothing else', async () => {
  let calls = 0
  const { submit } = bench({
    lease: async () => ({
      run: async (items) => {
        calls += 1
        if (calls === 1) throw new Error('the pipe broke')
        return items.map((value) => ({ ok: true, value }))
      },
      release() {},
    }),
  })
  await assert.rejects(submit('a'), /the pipe broke/)
  assert.equal((await submit('b')).value, 'b')
})

test('results that are not one an item are refused as the bug they are', async () => {
  const { started, submit } = bench()
  const result = submit('a')
  await settle()
  started[0]?.finish([])
  await assert.rejects(result, /a batch of 1 came back as 0 results/)
})

test('close rejects what waits and what comes, and lets what runs finish', async () => {
  const { started, submit, batcher } = bench()
  const running = submit('a')
  await settle()
  const waiting = submit('b')
  batcher.close(new Error('closing'))
  await assert.rejects(waiting, /closing/)
  await assert.rejects(submit('c'), /closing/)
  started[0]?.finish()
  assert.equal((await running).value, 'A')
})

test('idle resolves only when nothing waits and nothing runs', async () => {
  const { started, submit, batcher } = bench()
  await batcher.idle()
  void submit('a')
  await settle()
  let isIdle = false
  const idle = batcher.idle().then(() => {
    isIdle = true
  })
  await settle()
  assert.equal(isIdle, false)
  started[0]?.finish()
  await idle
})

test('the observer hears of every change of the depth', async () => {
  const { depths, started, submit } = bench()
  void submit('a')
  await settle()
  void submit('b')
  started[0]?.finish()
  await settle()
  assert.deepEqual(
    depths.filter((depth, index) => depth !== depths[index - 1]),
    [1, 0, 1, 0],
  )
})

test('a batch that is stuck keeps no other from running, and is waited for all the same', async () => {
  let endFirst = () => {}
  let calls = 0
  const { batcher, submit } = bench({
    lease: async () => ({
      async run(items, onStuck) {
        calls += 1
        if (calls === 1) {
          onStuck()
          await new Promise<void>((resolve) => (endFirst = resolve))
        }
        return items.map((value) => ({ ok: true, value }))
      },
      release() {},
    }),
  })
  const stuck = submit('a')
  await settle()
  assert.equal((await submit('b')).value, 'b')
  const order: string[] = []
  const idle = batcher.idle().then(() => order.push('idle'))
  void stuck.then(() => order.push('a'))
  endFirst()
  await idle
  assert.deepEqual(order, ['a', 'idle'])
})
