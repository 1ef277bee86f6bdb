// Clients that hold connections: some drip a body, many do nothing at all.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../bench/support/statistics.ts'
import { type LoadFigure, startLoad } from '../../support/checked-load.ts'
import { knownImages, writeSmallModel } from '../../support/known-images.ts'
import { startServed } from '../../support/served-process.ts'
import { type DripLife, startCrowd } from '../support/crowd.ts'
import type { Fault } from '../support/fault.ts'
import { heavyModel } from '../support/heavy-model.ts'
import { tally } from '../support/hurt.ts'

const drips = 200
const idlers = 2_000
const timeoutMs = 3_000
const lateMs = 1_000
const maxRatio = 1.2
const dripEveryMs = 200
const roundMs = 4_000
const longRounds = 6
const longRoundMs = 10_000

export const slowClients: readonly Fault[] = [
  {
    name: `${drips} clients drip their uploads, ${idlers} hold idle connections`,
    async run({ repository, long }) {
      const heavy = heavyModel(long)
      await writeSmallModel(repository, heavy)
      const images = await knownImages(repository, heavy, 8)
      const environment = { REQUEST_TIMEOUT_MS: String(timeoutMs) }
      const server = await startServed({ repository, environment })
      const { origin } = server
      // A part of what the service can do: on a full machine whatever the crowd's own thread takes is
      // missed by the sessions, though a crowd of other people's machines would take nothing.
      const usual = { origin, model: 'heavy', images, clients: 2, restMs: long ? 100 : 20 }
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
      const [rounds, ms] = long ? [longRounds, longRoundMs] : [1, roundMs]
      for (let round = 0; round < rounds; round += 1) {
        before.push(await runFor(ms))
        const leave = await startCrowd({ origin, drips, idlers, dripEveryMs, spreadMs: timeoutMs })
        await sleep(timeoutMs) // until the crowd's first uploads have been ended, and new ones begun
        during.push(await runFor(ms))
        lives.push(...(await leave()))
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
      const seen = {
        'p99 without, ms': p99Before.toFixed(0),
        'p99 with, ms': p99During.toFixed(0),
        ratio: ratio.toFixed(2),
        'drips closed after at most, ms (timeout 3000)': Math.round(longestMs),
      }
      const told = JSON.stringify(seen)
      if (long) assert.ok(longestMs <= timeoutMs + lateMs, `a drip lived long: ${told}`)
      if (long) assert.ok(ratio <= maxRatio, `others waited longer: ${told}`)
      return seen
    },
  },
]
