// Ten times what the service can do, for a while; a crowd that asks again the moment it is refused; and a
// flood for one model beside another.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { percentile } from '../../../bench/support/statistics.ts'
import { startLoad } from '../../support/checked-load.ts'
import { knownImages, writeSmallModel } from '../../support/known-images.ts'
import { startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { heavyModel } from '../support/heavy-model.ts'
import { tally } from '../support/hurt.ts'

const times = 10
const deadlineMs = 4_000
const clients = 16
const promised = { goodput: 0.9, refusalMs: 50, growthMib: 64 }

const tenfold: Fault = {
  name: 'ten times more requests than the service can compute',
  async run({ repository, long }) {
    const environment = { MODELS: 'heavy', REQUEST_TIMEOUT_MS: String(deadlineMs) }
    const { server, origin, images } = await serveHeavy(repository, long, environment)
    const calmMs = long ? 20_000 : 4_000
    const floodMs = long ? 60_000 : 6_000
    const peak = async () => {
      const calm = await runFor(calmMs, { origin, model: 'heavy', images, clients })
      return (calm.ok / calmMs) * 1000
    }
    const peakBeforePerS = await peak()
    const flood = {
      origin,
      model: 'heavy',
      images,
      clients: 2_000,
      ratePerS: times * peakBeforePerS,
    }
    await runFor(floodMs / 3, flood) // the queue fills, memory is taken once
    const beforeBytes = await server.residentBytes()
    const { ok, ...rest } = await runFor(floodMs, flood)
    const grownMib = ((await server.residentBytes()) - beforeBytes) / 2 ** 20
    // Before and after: the machine may be slower for a while, with or without a flood.
    const peakPerS = (peakBeforePerS + (await peak())) / 2
    const goodput = ((ok / floodMs) * 1000) / peakPerS
    const okP99Ms = percentile(rest.okMs, 0.99)
    const refusalP99Ms = percentile(rest.refusedMs, 0.99)
    assert.equal(await server.stop(), 0)
    assert.deepEqual(tally(rest.lost), {})
    assert.equal(rest.wrong, 0)
    assert.equal(rest.withoutRetryAfter, 0)
    // What was let in and came too late after all is 504: it counts against the deadline's p99 below.
    const { '504 deadline_exceeded': late = 0, ...refused } = rest.refused
    assert.deepEqual(Object.keys(refused), ['429 overloaded'])
    const seen = {
      'peak, images/s': peakPerS.toFixed(1),
      'offered, requests/s': Math.round((rest.sent / floodMs) * 1000),
      'goodput / peak': goodput.toFixed(2),
      'accepted p99, ms (deadline 4000)': Math.round(okP99Ms),
      'too late, 504': late,
      'refused with 429': rest.refused['429 overloaded'] ?? 0,
      'refusal p99, ms': refusalP99Ms.toFixed(1),
      'grown, MiB': grownMib.toFixed(1),
    }
    const told = JSON.stringify(seen)
    assert.ok(late <= ok / 100, `${late} of ${ok + late} accepted requests came too late: ${told}`)
    if (long) {
      assert.ok(goodput >= promised.goodput, `goodput is less than promised: ${told}`)
      assert.ok(okP99Ms <= deadlineMs, `accepted requests took longer than allowed: ${told}`)
      assert.ok(refusalP99Ms <= promised.refusalMs, `refusals are slow: ${told}`)
      assert.ok(grownMib <= promised.growthMib, `memory grew: ${told}`)
    }
    return seen
  },
}

const impatient: Fault = {
  name: 'five hundred clients who ask again the moment they are refused',
  async run({ repository, long }) {
    const environment = { MODELS: 'heavy', MAX_QUEUE_SIZE: '64' }
    const { server, origin, images } = await serveHeavy(repository, long, environment)
    const ms = long ? 20_000 : 4_000
    const usual = { origin, model: 'heavy', images, clients: 32 }
    await runFor(ms / 4, usual) // warm on both sides
    const before = await runFor(ms, usual)
    const { ok, ...rest } = await runFor(ms, { ...usual, clients: 512 })
    const after = await runFor(ms, usual)
    assert.equal(await server.stop(), 0)
    assert.deepEqual(tally(rest.lost), {})
    assert.equal(rest.wrong, 0)
    assert.equal(rest.withoutRetryAfter, 0)
    const refused = rest.refused['429 overloaded'] ?? 0
    assert.ok(refused > 0, 'the crowd was no crowd')
    const goodput = (2 * ok) / (before.ok + after.ok)
    const seen = {
      'right answers a second to 32 clients': (((before.ok + after.ok) / 2 / ms) * 1000).toFixed(1),
      'to 512': ((ok / ms) * 1000).toFixed(1),
      'goodput / usual': goodput.toFixed(2),
      'refusals a second': Math.round((refused / ms) * 1000),
    }
    const told = JSON.stringify(seen)
    if (long) assert.ok(goodput >= promised.goodput, `goodput is less than promised: ${told}`)
    return seen
  },
}

const besideAFlood: Fault = {
  name: 'a flood for one model while another is used as always',
  async run({ repository, images, long }) {
    const environment = { SESSIONS_PER_DEVICE: '1', MAX_QUEUE_SIZE: '64' }
    const heavy = await serveHeavy(repository, long, environment)
    const { server, origin } = heavy
    const usual = { origin, model: 'small', images, clients: 2, restMs: 50 }
    const forMs = long ? 10_000 : 3_000
    await runFor(forMs, usual) // warm on both sides
    const alone = await runFor(forMs, usual)
    const flood = startLoad({
      origin,
      model: 'heavy',
      images: heavy.images,
      clients: 400,
      restMs: 200,
    })
    await sleep(forMs)
    const beside = await runFor(forMs, usual)
    const flooded = await flood.stop()
    assert.equal(await server.stop(), 0)
    assert.deepEqual(tally([...beside.lost, ...flooded.lost]), {})
    assert.equal(beside.wrong + flooded.wrong, 0)
    assert.deepEqual(beside.refused, {}, 'refusals of the model that is used as always')
    assert.ok((flooded.refused['429 overloaded'] ?? 0) > 0, 'the flood was no flood')
    return {
      'right answers a second alone': ((alone.ok / forMs) * 1000).toFixed(1),
      'beside the flood': ((beside.ok / forMs) * 1000).toFixed(1),
      'p99 alone, ms': percentile(alone.okMs, 0.99).toFixed(0),
      'p99 beside, ms': percentile(beside.okMs, 0.99).toFixed(0),
      'the flood': `${flooded.ok} right, ${JSON.stringify(flooded.refused)}`,
    }
  },
}

/** A server that has the heavy model too, and images whose answers of it are known. */
async function serveHeavy(
  repository: string,
  long: boolean,
  environment: Readonly<Record<string, string>>,
) {
  const heavy = heavyModel(long)
  await writeSmallModel(repository, heavy)
  const images = await knownImages(repository, heavy, 8)
  const server = await startServed({ repository, environment })
  return { server, origin: server.origin, images }
}

async function runFor(ms: number, options: Parameters<typeof startLoad>[0]) {
  const load = startLoad(options)
  await sleep(ms)
  return await load.stop()
}

export const overload: readonly Fault[] = [tenfold, impatient, besideAFlood]
