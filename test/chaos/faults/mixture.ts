// Everything that clients do wrong, at the same time, beside clients that do it right; and then: is
// anything still held for those who are gone?
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad } from '../../support/checked-load.ts'
import type { KnownImage } from '../../support/known-images.ts'
import { openSocket, statusOf } from '../../support/raw-socket.ts'
import { type ServedProcess, startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { tally } from '../support/hurt.ts'
import { nuisances } from '../support/nuisances.ts'

const shortMs = 8_000
const longMs = 120_000
/** Of each kind at the same time. */
const eachKind = 2
const settledWithinMs = 30_000
const maxGrowthMib = 96

export const mixture: readonly Fault[] = [
  {
    name: `${nuisances.length} kinds of clients that are wrong, gone or slow, beside good ones`,
    async run({ repository, images, long }) {
      const environment = { REQUEST_TIMEOUT_MS: '3000', SHARE_IN_FLIGHT: 'on' }
      const server = await startServed({ repository, environment })
      const { origin } = server
      const good = startLoad({ origin, model: 'small', images, clients: 4, restMs: 10 })
      await annoy(server, images, shortMs / 2) // memory is taken once
      const before = { bytes: await server.residentBytes(), files: await openFiles(server) }
      const answers = await annoy(server, images, long ? longMs : shortMs)
      const { ok, wrong, lost, refused } = await good.stop()
      await untilSettled(server, before.files)
      const grownMib = ((await server.residentBytes()) - before.bytes) / 2 ** 20
      const uploads = await fillUploads(origin)
      const internal = await server.metric('rejected_total', { reason: 'internal' })
      const restarts = await server.metric('session_restarts_total')
      assert.equal(await server.stop(), 0)
      const seen = {
        ...{ right: ok, refused: JSON.stringify(refused), 'wrong clients': answers.length },
        'grown, MiB': grownMib.toFixed(1),
      }
      assert.deepEqual(unexpected(answers), {})
      assert.deepEqual([tally(lost), wrong, internal, restarts, server.noise], [{}, 0, 0, 0, []])
      assert.deepEqual(
        tally(uploads),
        { 415: uploads.length },
        'something of uploads is still held',
      )
      if (long) assert.ok(grownMib <= maxGrowthMib, `memory grew: ${JSON.stringify(seen)}`)
      return seen
    },
  },
]

interface Answered {
  readonly name: string
  readonly allowed: readonly number[]
  readonly status: number
}

/** Has clients of every kind come again and again. */
async function annoy(
  { origin }: ServedProcess,
  images: readonly KnownImage[],
  ms: number,
): Promise<readonly Answered[]> {
  const answers: Answered[] = []
  const endAt = performance.now() + ms
  const client = async ({ name, allowed, run }: (typeof nuisances)[number]) => {
    while (performance.now() < endAt) {
      const { body: image } = images[answers.length % images.length] as KnownImage
      answers.push({ name, allowed, status: await run({ origin, model: 'small', image }) })
      await sleep(20)
    }
  }
  await Promise.all(nuisances.flatMap((one) => Array.from({ length: eachKind }, () => client(one))))
  return answers
}

/** Answers that no refusal for want of room explains. */
function unexpected(answers: readonly Answered[]): Record<string, number> {
  const strange = answers.filter(({ allowed, status }) => ![...allowed, 429].includes(status))
  return tally(strange.map(({ name, status }) => `${name}: ${status}`))
}

async function openFiles({ pid }: ServedProcess): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length
}

/** Resolves when nothing waits or runs and no connection is left of those that came meanwhile. */
async function untilSettled(server: ServedProcess, files: number): Promise<void> {
  const giveUpAt = performance.now() + settledWithinMs
  for (;;) {
    const waiting = await server.metric('queue_depth')
    const busy = await server.metric('sessions', { state: 'busy' })
    const open = await openFiles(server)
    if (waiting === 0 && busy === 0 && open <= files) return
    const held = `${waiting} images wait, ${busy} sessions are busy, ${open - files} more files are open`
    assert.ok(performance.now() < giveUpAt, `after ${settledWithinMs} ms ${held}`)
    await sleep(200)
  }
}

/** What all uploads together may hold is 128 MiB, or eight of the largest images. */
const uploadsAtOnce = 8
const uploadBytes = 19 * 1024 * 1024

/** Sends as much as fits at the same time, where nothing else is held. */
async function fillUploads(origin: string): Promise<string[]> {
  const body = Buffer.alloc(uploadBytes, 7)
  const clients = await Promise.all(Array.from({ length: uploadsAtOnce }, () => openSocket(origin)))
  const head = `POST /v1/classify?model=small HTTP/1.1\r\nHost: x\r\nContent-Length: ${uploadBytes}\r\nConnection: close\r\n\r\n`
  for (const { send } of clients) send(head)
  for (const { send } of clients) send(body.subarray(1))
  await sleep(1_000) // until all of it lies there
  for (const { send } of clients) send(body.subarray(0, 1))
  return await Promise.all(clients.map(async ({ closed }) => String(statusOf(await closed))))
}
