import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSlots } from '../../src/imaging/slots.ts'

/** Takes places in this order and gives them back one by one; answers who got one when. */
async function orderOf(owners: readonly string[]): Promise<string[]> {
  const slots = createSlots(1)
  const release = await slots.take('first')
  const served: string[] = []
  const all = owners.map((owner) =>
    slots.take(owner).then((leave) => {
      served.push(owner)
      leave()
    }),
  )
  release()
  await Promise.all(all)
  return served
}

test('one owner is served in the order it asked, two owners take turns', async () => {
  assert.deepEqual(await orderOf(['a', 'a', 'a', 'a', 'b', 'b']), ['a', 'b', 'a', 'b', 'a', 'a'])
})

test('what an owner has to wait for is its own queue, as often as there are owners', async () => {
  const slots = createSlots(1)
  await slots.take('a')
  for (let i = 0; i < 100; i += 1) void slots.take('a')
  assert.equal(slots.ahead('a'), 100)
  assert.equal(slots.ahead('b'), 1)
})

test('who gives up while waiting takes no place and leaves no turn behind', async () => {
  const slots = createSlots(1)
  const release = await slots.take('a')
  const gone = new AbortController()
  const waiting = slots.take('b', gone.signal)
  gone.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
  assert.equal(slots.waiting, 0)
  assert.equal(slots.ahead('c'), 0)
  release()
  await slots.take('c')
})
