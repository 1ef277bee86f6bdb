// The service is told to stop, or is killed, while clients use it.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad } from '../../support/checked-load.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { tally } from '../support/hurt.ts'
import { openSocket } from '../support/ports.ts'

const calmMs = 500
const orphansGoneMs = 2_000

const sigterm: Fault = {
  name: 'SIGTERM under load, with a slow upload still coming',
  async run({ repository, images }) {
    const environment = { REQUEST_TIMEOUT_MS: '3000' }
    const server = await startServed({ repository, environment })
    const { origin } = server
    const load = startLoad({ origin, model: 'small', images, clients: 8 })
    const drip = await openSocket(origin)
    drip.write('POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n')
    const dripping = setInterval(() => drip.write('x'), 100)
    await sleep(calmMs)
    const before = load.figure.ok
    const stoppedAt = performance.now()
    const ended = server.stop()
    await sleep(calmMs)
    const figure = await Promise.race([load.stop(), sleep(20_000).then(() => undefined)])
    const code = await ended
    clearInterval(dripping)
    assert.ok(figure !== undefined, 'the load did not end')
    assert.equal(code, 0)
    assert.equal(figure.wrong, 0)
    assert.deepEqual(figure.refused, {})
    // Who connects after the end finds nobody: that is not a request that was lost.
    const lost = figure.lost.filter((why) => !why.startsWith('ECONNREFUSED'))
    assert.deepEqual(tally(lost), {})
    return {
      'right before': before,
      'right after the signal': figure.ok - before,
      lost: lost.length,
      'exit code': String(code),
      'ended after, ms': Math.round(performance.now() - stoppedAt),
    }
  },
}

const secondSignal: Fault = {
  name: 'a second SIGTERM while the first still accepts',
  async run({ repository, images }) {
    const environment = { SHUTDOWN_DELAY_MS: '20000' }
    const server = await startServed({ repository, environment })
    const load = startLoad({ origin: server.origin, model: 'small', images, clients: 2 })
    await sleep(calmMs)
    server.process.kill('SIGTERM')
    await sleep(calmMs)
    const ready = await fetch(`${server.origin}/health/ready`)
    const live = await fetch(`${server.origin}/health/live`)
    const accepted = load.figure.ok
    await sleep(calmMs)
    assert.ok(load.figure.ok > accepted, 'it still accepts while readiness is 503')
    const before = performance.now()
    server.process.kill('SIGTERM')
    const code = await server.ended
    const ms = Math.round(performance.now() - before)
    await load.stop()
    assert.deepEqual([ready.status, live.status, code], [503, 200, 1])
    return { 'readiness after the first': ready.status, 'exit code': String(code), 'after, ms': ms }
  },
}

const parentKilled: Fault = {
  name: 'the service itself gets SIGKILL, one of its sessions being stopped',
  async run({ repository, images }) {
    const server = await startServed({ repository })
    const load = startLoad({ origin: server.origin, model: 'small', images, clients: 4 })
    await sleep(calmMs)
    const sessions = await server.sessions()
    process.kill(sessions[0] ?? 0, 'SIGSTOP')
    server.process.kill('SIGKILL')
    await server.ended
    const before = performance.now()
    const alive = () => sessions.filter((pid) => existsSync(`/proc/${pid}`))
    while (alive().length > 0 && performance.now() - before < orphansGoneMs) await sleep(20)
    const orphans = alive()
    await load.stop()
    assert.equal(sessions.length, 4, 'sessions of two models')
    assert.deepEqual(orphans, [])
    return { sessions: sessions.length, orphans: orphans.length }
  },
}

export const shutdown: readonly Fault[] = [sigterm, secondSignal, parentKilled]
