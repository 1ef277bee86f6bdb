// Clients that hold connections: some drip a body, many do nothing at all.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../bench/support/statistics.ts'
import { startLoad } from '../../support/checked-load.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { tally } from '../support/hurt.ts'
import { openSocket } from '../support/ports.ts'

const drips = 200
const idlers = 2_000
const timeoutMs = 3_000
const lateMs = 1_000
/** What a busy machine may add before a promise counts as broken in the short form. */
const noiseMs = 5_000
const maxRatio = 1.2
const dripEveryMs = 200

export const slowClients: readonly Fault[] = [
  {
    name: `${drips} clients drip their uploads, ${idlers} hold idle connections`,
    async run({ repository, images, long }) {
      const environment = { REQUEST_TIMEOUT_MS: String(timeoutMs) }
      const server = await startServed({ repository, environment })
      const { origin } = server
      const usual = { origin, model: 'small', images, clients: 2, restMs: 20 }
      const forMs = long ? 15_000 : timeoutMs
      const runFor = async (ms: number) => {
        const load = startLoad(usual)
        await sleep(ms)
        return await load.stop()
      }
      await runFor(forMs)
      const before = await runFor(forMs)
      const sockets = await Promise.all(Array.from({ length: idlers }, () => openSocket(origin)))
      const ends = Array.from({ length: drips }, () => drip(origin))
      const during = await runFor(forMs)
      const lives = await Promise.all(ends)
      for (const socket of sockets) socket.destroy()
      const [p99Before, p99During] = [before, during].map(({ okMs }) => percentile(okMs, 0.99))
      const ratio = (p99During ?? 0) / (p99Before ?? 1)
      const longestMs = Math.max(...lives.map(({ ms }) => ms))
      assert.equal(await server.stop(), 0)
      assert.deepEqual(tally([...before.lost, ...during.lost]), {})
      assert.equal(before.wrong + during.wrong, 0)
      assert.deepEqual(during.refused, {})
      assert.deepEqual(tally(lives.map(({ answer }) => answer)), { 408: drips })
      assert.ok(
        longestMs <= timeoutMs + lateMs + (long ? 0 : noiseMs),
        `a drip lived ${longestMs} ms`,
      )
      if (long) assert.ok(ratio <= maxRatio, `p99 of others ${ratio} times`)
      return {
        'p99 without, ms': p99Before?.toFixed(0) ?? '',
        'p99 with, ms': p99During?.toFixed(0) ?? '',
        ratio: ratio.toFixed(2),
        'drips closed after at most, ms (timeout 3000)': Math.round(longestMs),
      }
    },
  },
]

/** Sends a byte now and then until it is closed. */
async function drip(origin: string): Promise<{ readonly ms: number; readonly answer: string }> {
  const socket: Socket = await openSocket(origin)
  const startedAt = performance.now()
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('latin1')
  })
  socket.write(
    'POST /v1/classify?model=small HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n',
  )
  const timer = setInterval(() => socket.write('x'), dripEveryMs)
  await new Promise((resolve) => socket.once('close', resolve))
  clearInterval(timer)
  return { ms: performance.now() - startedAt, answer: answer.slice(9, 12) }
}
