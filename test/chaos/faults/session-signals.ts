// A session process is killed, crashes, or stops, while clients use it.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'

/** A stopped process looks alive until the watchdog of its batch has run out. */
const untilNoticedMs = 200

export const sessionSignals: readonly Fault[] = (
  [
    ['SIGKILL', 'signal'],
    ['SIGSEGV', 'signal'],
    ['SIGSTOP', 'hang'],
  ] as const
).map(([signal, reason]) => ({
  name: `a session gets ${signal} under load`,
  async run({ repository, images }) {
    const server = await startServed({ repository })
    const inject = async () => {
      const [victim = 0] = await server.sessions()
      process.kill(victim, signal)
      const restarts = () => server.metric('session_restarts_total', { reason })
      while ((await restarts()) === 0) await sleep(untilNoticedMs / 4)
    }
    const seen = await hurt({ server, images, inject })
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return sightingOf(seen)
  },
}))
