import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GrowthOptions, letGrow, type Waiting } from '../../src/batching/growth.ts'

/** Longer than any test: what is let go before has another reason. */
const longMs = 3_600_000

/** A queue that grows by items with so much time, and whether its batch was let go. */
function growing(options: Partial<GrowthOptions>) {
  const queue = new Set<Waiting>()
  const listeners = new Set<() => void>()
  const add = (timeMs: number) => {
    const queuedAt = performance.now()
    queue.add({ queuedAt, options: { deadline: queuedAt + timeMs } })
    for (const listener of listeners) listener()
  }
  let isGone = false
  const start = async () => {
    await letGrow(queue, { maxSize: 3, maxDelayMs: longMs, ...options }, listeners)
    isGone = true
  }
  return { add, start, listeners, isGone: () => isGone }
}

/** Lets everything that is ready to run do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('a batch goes while its most urgent item can still be done in time', async () => {
  const { add, start } = growing({ batchMs: () => 100 })
  add(2 * longMs)
  add(200)
  await start()
})

test('an item that comes later and has less time lets the batch go', async () => {
  const { add, start, isGone, listeners } = growing({ batchMs: (size) => size * 1000 })
  add(2 * longMs)
  const ended = start()
  await settle()
  assert.equal(isGone(), false)
  add(2000) // two of them take that long
  await ended
  assert.equal(listeners.size, 0)
})

test('a batch whose items have time enough is held back', async () => {
  const { add, start, isGone } = growing({ batchMs: () => 100 })
  add(2 * longMs)
  const ended = start()
  await settle()
  assert.equal(isGone(), false)
  add(2 * longMs)
  add(2 * longMs) // it is full
  await ended
})
