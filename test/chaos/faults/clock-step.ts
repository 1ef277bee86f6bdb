// The clock of the machine is set while the service works: forwards, then backwards.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'

const architecture = process.arch === 'arm64' ? 'aarch64' : process.arch === 'x64' ? 'x86_64' : ''
/** https://github.com/wolfcw/libfaketime */
const library = `/usr/lib/${architecture}-linux-gnu/faketime/libfaketime.so.1`
const hour = 3_600
const hourMs = hour * 1000
/** Long enough for deadlines, watchdogs and timers of that time to go wrong. */
const betweenMs = 1_500

export const clockStep: readonly Fault[] = [
  {
    name: 'the clock steps an hour forwards, then two hours backwards, under load',
    lacks: () => (existsSync(library) ? undefined : `${library} (Debian: libfaketime)`),
    async run({ repository, folder, images }) {
      const offset = join(folder, 'offset')
      await writeFile(offset, '+0')
      const server = await startServed({
        repository,
        environment: {
          LD_PRELOAD: library,
          FAKETIME_TIMESTAMP_FILE: offset,
          FAKETIME_NO_CACHE: '1',
          // Setting a clock leaves the monotonic one alone.
          DONT_FAKE_MONOTONIC: '1',
        },
      })
      const inject = async () => {
        for (const step of [`+${hour}`, `-${hour}`]) {
          await writeFile(offset, step)
          await sleep(betweenMs)
        }
      }
      const seen = await hurt({ server, images, inject })
      const times = server.log.map(({ time }) => time - Date.now())
      assert.equal(await server.stop(), 0)
      assert.ok(Math.max(...times) > hourMs / 2, 'the clock did not step forwards')
      assert.ok(Math.min(...times) < -hourMs / 2, 'the clock did not step backwards')
      assertNothingLost(seen)
      assert.deepEqual(seen.figure.refused, {})
      return sightingOf(seen)
    },
  },
]
