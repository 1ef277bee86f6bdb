// Too little of something: file descriptors, disk space, a disk that can be written, memory.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { withFault } from '../../fixtures/faults.ts'
import { picture, png } from '../../support/known-images.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'
import { openSocket } from '../support/ports.ts'

const descriptors = 192
const sockets = 300
const inShell = (script: string) => ['bash', '-c', `${script}; exec "$@"`, 'bash'] as const

const needsMounts = () =>
  spawnSync('unshare', ['--mount', 'true']).status === 0
    ? undefined
    : 'the right to mount (run as root)'

/**
 * What a client meets whose connection ended (a refusal before the body was read ends it) and who
 * finds the house full: a new connection is closed at once, before a request was taken.
 */
const turnedAway = ['ECONNRESET', 'UND_ERR_SOCKET']

const outOfDescriptors: Fault = {
  name: `${sockets} connections, with ${descriptors} file descriptors; then a session dies`,
  async run({ repository, images }) {
    const wrapper = inShell(`ulimit -n ${descriptors}`)
    const server = await startServed({ repository, wrapper })
    const inject = async () => {
      const held = await Promise.all(
        Array.from({ length: sockets }, () => openSocket(server.origin)),
      )
      const [victim = 0] = await server.sessions()
      process.kill(victim, 'SIGKILL')
      await sleep(1_000)
      for (const socket of held) socket.destroy()
    }
    // Its clients hold their connections before the crowd comes.
    const seen = await hurt({ server, images, inject, clients: 4 })
    assert.equal(await server.stop(), 0)
    const lost = seen.figure.lost.filter((text) => !turnedAway.includes(text))
    assertNothingLost({ figure: { ...seen.figure, lost } })
    return sightingOf(seen)
  },
}

/** In a mount namespace of its own, which ends with the process. */
const withMount = (script: string) => ['unshare', '--mount', ...inShell(script)] as const

const fullDisk: Fault = {
  name: 'the disk of the models is full (no cache can be written), and a session dies',
  lacks: needsMounts,
  async run({ repository, images }) {
    const fill = `cp -r ${repository} ${repository}.kept && mount -t tmpfs -o size=8m none ${repository} && cp -r ${repository}.kept/. ${repository}/ && { dd if=/dev/zero of=${join(repository, '.full')} bs=4k 2>/dev/null || true; }`
    const server = await startServed({ repository, wrapper: withMount(fill) })
    const seen = await hurt({ server, images, inject: () => killOne(server) })
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return sightingOf(seen)
  },
}

const readOnly: Fault = {
  name: 'nothing can be written (read-only root), and a session dies',
  lacks: needsMounts,
  async run({ repository, images }) {
    const remount = 'mount --make-rprivate / && mount -o remount,bind,ro /'
    const server = await startServed({ repository, wrapper: withMount(remount) })
    const seen = await hurt({ server, images, inject: () => killOne(server) })
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return sightingOf(seen)
  },
}

async function killOne(server: { sessions(): Promise<readonly number[]> }): Promise<void> {
  const [victim = 0] = await server.sessions()
  process.kill(victim, 'SIGKILL')
}

const memoryWatermark: Fault = {
  name: 'a session grows beyond MAX_SESSION_BYTES under load: a fresh one takes its place',
  async run({ repository, images }) {
    const server = await startServed({
      repository,
      faulty: true,
      environment: {
        ...{ MODELS: 'small', SESSIONS_PER_DEVICE: '1' },
        // A session is left alone for its first minute; here it need not be.
        TEST_POOL: JSON.stringify({ memory: { limitBytes: 1, minAgeMs: 500 } }),
      },
    })
    const [before] = await server.sessions()
    const grow = await png(withFault(picture(999), 'grow')) // 128 MiB more
    const seen = await hurt({
      server,
      images,
      sessions: 1,
      inject: async () => {
        const url = `${server.origin}/v1/classify?model=small`
        for (let i = 0; i < 2; i += 1) {
          await (await request(url, { method: 'POST', body: grow })).body.dump()
        }
        while ((await server.metric('session_restarts_total', { reason: 'memory' })) === 0) {
          await sleep(50)
        }
      },
    })
    const [after] = await server.sessions()
    assert.notEqual(after, before)
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    assert.deepEqual(seen.figure.refused, {})
    return sightingOf(seen)
  },
}

export const scarcity: readonly Fault[] = [outOfDescriptors, fullDisk, readOnly, memoryWatermark]
