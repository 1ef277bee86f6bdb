// Two instances behind HAProxy are replaced one after another, under load.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Load, startLoad } from '../../support/checked-load.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, sightingOf } from '../support/hurt.ts'
import { freePort } from '../support/ports.ts'

/** HAProxy asks for readiness this often and believes the second 503. */
const checkEveryMs = 200
/** An instance goes on accepting for longer than HAProxy takes to see that it should not be asked. */
const delayMs = 2_000

export const rollingRestart: readonly Fault[] = [
  {
    name: 'a rolling restart of two instances behind HAProxy',
    lacks: () =>
      spawnSync('haproxy', ['-v']).status === 0 ? undefined : 'haproxy (apt-get install haproxy)',
    async run({ repository, folder, images }) {
      const ports = [await freePort(), await freePort(), await freePort()] as const
      const [front, ...backs] = ports
      const start = (port: number) =>
        startServed({
          repository,
          environment: {
            ...{ PORT: String(port), MODELS: 'small', SESSIONS_PER_DEVICE: '1' },
            SHUTDOWN_DELAY_MS: String(delayMs),
          },
        })
      const instances = await Promise.all(backs.map(start))
      const config = join(folder, 'haproxy.cfg')
      await writeFile(config, haproxyConfig(front, backs))
      const proxy = spawn('haproxy', ['-f', config], { stdio: 'ignore' })
      let load: Load | undefined
      try {
        const origin = `http://127.0.0.1:${front}`
        await untilAnswering(origin)
        load = startLoad({ origin, model: 'small', images, clients: 8, restMs: 5 })
        const codes: (number | string)[] = []
        for (const [index, instance] of instances.entries()) {
          await sleep(delayMs)
          codes.push(await instance.stop())
          await start(backs[index] as number)
          await sleep(delayMs) // until HAProxy has seen it ready
        }
        const figure = await load.stop()
        assert.deepEqual(codes, [0, 0])
        assertNothingLost({ figure })
        assert.deepEqual(figure.refused, {})
        const { 'capacity back after, ms': _, ...seen } = sightingOf({ figure, backMs: 0 })
        return { 'instances replaced': codes.length, ...seen }
      } finally {
        proxy.kill()
      }
    },
  },
]

async function untilAnswering(origin: string): Promise<void> {
  for (;;) {
    const status = await fetch(`${origin}/health/ready`).then(
      (answer) => answer.status,
      () => 0,
    )
    if (status === 200) return
    await sleep(checkEveryMs)
  }
}

function haproxyConfig(front: number, backs: readonly number[]): string {
  return `
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 5s
frontend in
  bind 127.0.0.1:${front}
  default_backend instances
backend instances
  option httpchk GET /health/ready
  default-server check inter ${checkEveryMs} fall 2 rise 1
${backs.map((port, index) => `  server s${index} 127.0.0.1:${port}`).join('\n')}
`
}
