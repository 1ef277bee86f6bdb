// Images that crash or hang the session which computes them, among images that do not.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { type Fault as ImageFault, withFault } from '../../fixtures/faults.ts'
import { picture, png } from '../../support/known-images.ts'
import { type ServedProcess, startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'

/** It is refused after these. */
const sessionsItMayEnd = 2
/** Capacity that stays for so long is back. */
const settledMs = 1_000

const kinds: readonly [ImageFault, string][] = [
  ['segv', 'crashes its session'],
  ['hang', 'hangs its session'],
]

const sessions = 2
const lookEveryMs = 20

/**
 * Milliseconds until all sessions can work and stay so. The image is with one of them until it has
 * ended two: that one counts as busy, but does not work.
 */
async function untilFull(server: ServedProcess): Promise<number> {
  const startedAt = performance.now()
  let lackedAt = startedAt
  for (let ended = 0; ended < sessionsItMayEnd || lackedAt > performance.now() - settledMs; ) {
    ended = await server.metric('session_restarts_total')
    const working = (await server.capacity('small')) - (ended < sessionsItMayEnd ? 1 : 0)
    if (working < sessions) lackedAt = performance.now()
    await sleep(lookEveryMs)
  }
  return lackedAt - startedAt
}

export const poisonImages: readonly Fault[] = kinds.map(([kind, what]) => ({
  name: `an image that ${what}, among good ones`,
  async run({ repository, images }) {
    const server = await startServed({ repository, faulty: true })
    const poison = await png(withFault(picture(999), kind))
    const send = async () => {
      const { statusCode, body } = await request(`${server.origin}/v1/classify?model=small`, {
        method: 'POST',
        body: poison,
      })
      return `${statusCode} ${((await body.json()) as { code: string }).code}`
    }
    const answers: string[] = []
    let fullAfterMs = 0
    const inject = async () => {
      const answer = send()
      fullAfterMs = await untilFull(server)
      answers.push(await answer)
    }
    const seen = { ...(await hurt({ server, images, inject })), backMs: fullAfterMs }
    const deaths = await server.metric('session_restarts_total')
    answers.push(await send(), await send()) // known by now: it costs no session any more
    await sleep(200)
    assert.deepEqual(answers, Array(3).fill('422 image_refused'))
    assert.equal(deaths, sessionsItMayEnd, 'sessions that it ended')
    assert.equal(
      await server.metric('session_restarts_total'),
      sessionsItMayEnd,
      'sessions ended by sending it again',
    )
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return { ...sightingOf(seen), 'sessions it ended': deaths }
  },
}))
