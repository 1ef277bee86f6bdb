// Clients that hold connections: some drip a body, many do nothing at all.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../bench/support/statistics.ts'
import { type LoadFigure, startLoad } from '../../support/checked-load.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { tally } from '../support/hurt.ts'
import { openSocket } from '../support/ports.ts'

const drips = 200
const idlers = 2_000
const timeoutMs = 3_000
const lateMs = 1_000
const maxRatio = 1.2
const dripEveryMs = 200
const roundMs = 4_000
const longRounds = 4

export const slowClients: readonly Fault[] = [
  {
    name: `${drips} clients drip their uploads, ${idlers} hold idle connections`,
    async run({ repository, images, long }) {
      const environment = { REQUEST_TIMEOUT_MS: String(timeoutMs) }
      const server = await startServed({ repository, environment })
      const { origin } = server
      const usual = { origin, model: 'small', images, clients: 2, restMs: 20 }
      const runFor = async (ms: number) => {
        const load = startLoad(usual)
        await sleep(ms)
        return await load.stop()
      }
      await runFor(timeoutMs)
      const before: LoadFigure[] = []
      const during: LoadFigure[] = []
      const lives: DripLife[] = []
      // In turns, so that what else the machine does falls on both.
      for (let round = 0; round < (long ? longRounds : 1); round += 1) {
        before.push(await runFor(roundMs))
        const leave = await crowd(origin, lives)
        during.push(await runFor(roundMs))
        await leave()
      }
      const [p99Before = 1, p99During = 0] = [before, during].map((figures) =>
        percentile(
          figures.flatMap(({ okMs }) => okMs),
          0.99,
        ),
      )
      const ratio = p99During / p99Before
      const longestMs = Math.max(...lives.map(({ ms }) => ms))
      assert.equal(await server.stop(), 0)
      for (const { lost, wrong, refused } of [...before, ...during]) {
        assert.deepEqual(tally(lost), {})
        assert.equal(wrong, 0)
        assert.deepEqual(refused, {})
      }
      assert.deepEqual(Object.keys(tally(lives.map(({ answer }) => answer))), ['408'])
      if (long) assert.ok(longestMs <= timeoutMs + lateMs, `a drip lived ${longestMs} ms`)
      if (long) assert.ok(ratio <= maxRatio, `p99 of others ${ratio} times`)
      return {
        'p99 without, ms': p99Before.toFixed(0),
        'p99 with, ms': p99During.toFixed(0),
        ratio: ratio.toFixed(2),
        'drips closed after at most, ms (timeout 3000)': Math.round(longestMs),
      }
    },
  },
]

interface DripLife {
  readonly ms: number
  readonly answer: string
}

/** Idle connections, and clients that begin to drip again whenever they are closed; ends with the returned function. */
async function crowd(origin: string, lives: DripLife[]): Promise<() => Promise<void>> {
  const idle = await Promise.all(Array.from({ length: idlers }, () => openSocket(origin)))
  let isOver = false
  const dripper = async () => {
    while (!isOver) lives.push(await drip(origin))
  }
  const drippers = Array.from({ length: drips }, dripper)
  return async () => {
    isOver = true
    await Promise.all(drippers)
    for (const socket of idle) socket.destroy()
  }
}

/** Sends a byte now and then until it is closed. */
async function drip(origin: string): Promise<DripLife> {
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
