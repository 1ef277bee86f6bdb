// Requests that nobody waits for any more: they must not cost compute.
import assert from 'node:assert/strict'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { withFault } from '../../fixtures/faults.ts'
import { picture, png } from '../../support/known-images.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'

/** Enough that they cannot be part of the batch that runs. */
const many = 40
/** A `slow` image keeps the only session busy for 300 ms (faulty-worker.ts). */
const whileBusyMs = 100
const lookAgainMs = 20
/** Far more than it takes on a busy machine. */
const waitLimitMs = 10_000

const environment = { SESSIONS_PER_DEVICE: '1' }

export const givenUp: readonly Fault[] = [
  {
    name: 'clients leave while their images wait: none of them is computed',
    async run({ repository, images }) {
      const server = await startServed({ repository, faulty: true, environment })
      const url = urlOf(server.origin)
      await becomes(() => server.capacity('small'), 1)
      const sessions = await server.sessions()
      // It stays busy then, however slowly they come and go.
      for (const pid of sessions) process.kill(pid, 'SIGSTOP')
      const body = await png(picture(999))
      const busy = request(url, { method: 'POST', body }).then((answer) => answer.body.dump())
      await becomes(() => server.metric('batch_size_sum'), 1)
      const leave = new AbortController()
      setMaxListeners(many, leave.signal)
      const left = images
        .slice(0, many)
        .map(({ body }) =>
          request(url, { method: 'POST', body, signal: leave.signal }).catch(() => 'left'),
        )
      await becomes(() => server.metric('queue_depth'), left.length)
      leave.abort()
      await Promise.all(left)
      await becomes(() => server.metric('queue_depth'), 0)
      for (const pid of sessions) process.kill(pid, 'SIGCONT')
      await busy
      const computed = await server.metric('batch_size_sum', { model: 'small' })
      assert.equal(computed, 1, 'images computed, of which one was wanted')
      assert.equal(await server.metric('rejected_total', { reason: 'client_gone' }), left.length)
      assert.equal(await server.stop(), 0)
      return { 'clients that left': left.length, 'of their images computed': computed - 1 }
    },
  },
  {
    name: 'deadlines of 50 ms pass while images wait: 504, and none is computed',
    async run({ repository, images }) {
      const server = await startServed({ repository, faulty: true, environment })
      const { url, busy } = await keepBusy(server.origin)
      const statuses = await Promise.all(
        images.slice(0, many).map(async ({ body }) => {
          const headers = { 'x-request-timeout-ms': '50' }
          const answer = await request(url, { method: 'POST', body, headers })
          return `${answer.statusCode} ${((await answer.body.json()) as { code: string }).code}`
        }),
      )
      await busy
      const computed = await server.metric('batch_size_sum', { model: 'small' })
      const [first] = statuses
      // Once the forecast knows better, some are refused at the door instead.
      const early = statuses.filter((status) => status !== '429 overloaded')
      assert.deepEqual([...new Set(early)], ['504 deadline_exceeded'])
      assert.equal(computed, 1, 'images computed, of which one was wanted')
      assert.equal(await server.stop(), 0)
      return { answers: `${statuses.length} × ${first}`, 'of their images computed': computed - 1 }
    },
  },
]

const urlOf = (origin: string) => `${origin}/v1/classify?model=small`

async function becomes(read: () => Promise<number>, value: number): Promise<void> {
  const endAt = performance.now() + waitLimitMs
  while (performance.now() < endAt) {
    if ((await read()) === value) return
    await sleep(lookAgainMs)
  }
  assert.equal(await read(), value, `${read}`)
}

async function keepBusy(origin: string) {
  const url = urlOf(origin)
  const body = await png(withFault(picture(999), 'slow'))
  const busy = request(url, { method: 'POST', body }).then((answer) => answer.body.dump())
  await sleep(whileBusyMs)
  return { url, busy }
}
