// Images that crash or hang the session which computes them, among images that do not.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { type Fault as ImageFault, withFault } from '../../fixtures/faults.ts'
import { picture, png } from '../../support/known-images.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'

const kinds: readonly [ImageFault, string][] = [
  ['segv', 'crashes its session'],
  ['hang', 'hangs its session'],
]

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
    const seen = await hurt({ server, images, inject: async () => void answers.push(await send()) })
    const deaths = await server.metric('session_restarts_total')
    answers.push(await send(), await send()) // known by now: it costs no session any more
    await sleep(200)
    assert.deepEqual(answers, Array(3).fill('422 image_refused'))
    assert.equal(deaths, 2, 'sessions that it ended')
    assert.equal(
      await server.metric('session_restarts_total'),
      2,
      'sessions ended by sending it again',
    )
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return { ...sightingOf(seen), 'sessions it ended': deaths }
  },
}))
