// `npm run fuzz`: damaged images and bombs over HTTP, at a real server.
//   --count N   uploads (20000)
//   --seed N    of the damage (1)
//   --doc       writes docs/reliability-fuzz.md
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { scriptOptions } from '../../bench/support/script-options.ts'
import { writeSmallModel } from '../support/known-images.ts'
import { residentBytes, type ServedProcess, startServed } from '../support/served-process.ts'
import { type Bomb, makeBombs } from './bombs.ts'
import { makeSeeds } from './seeds.ts'
import { damages, truncations, type Upload } from './uploads.ts'

const given = scriptOptions({
  count: { type: 'string', default: '20000' },
  seed: { type: 'string', default: '1' },
  doc: { type: 'boolean', default: false },
  /** What the main process may take, in MiB. */
  'peak-mib': { type: 'string', default: '600' },
})

const byDefault = ['jpeg', 'png', 'webp', 'gif']
const all = [...byDefault, 'avif', 'tiff']
/** The share of uploads that meets a server with every format switched on. */
const shareOfAll = 0.3
const clients = 8
/** The dearest image takes 435 MiB, and is decoded alone; the process itself about 150. */
const maxPeakMib = Number(given['peak-mib'])
const toldWithinMs = 50
/** A bomb is sent this often alone: the quickest answer shows what the service needs. */
const tries = 5

/** Statuses that an image from anybody may get. */
const expected = new Set([200, 400, 413, 415, 422])
/** Words of libraries, and paths, which no client should read. */
const inside =
  /vips|libpng|libjpeg|libwebp|heif|spng|nsgif|tiff2|node_modules|\/(tmp|usr|home|work|app)\//i

interface Tally {
  uploads: number
  readonly statuses: Record<string, number>
  readonly failures: string[]
  readonly slow: string[]
  slowestMs: number
  slowest: string
}

const rows: string[][] = []
const root = await mkdtemp(join(tmpdir(), 'resnet-serving-fuzz-'))
await writeSmallModel(root, { name: 'small', seed: 7 })
const count = Number(given.count)
const countOfAll = Math.round(count * shareOfAll)
const failures = [
  ...(await attack(byDefault, count - countOfAll, {})),
  // AVIF asks for about 19 bytes a pixel: it is switched on together with a lower limit.
  ...(await attack(all, countOfAll, { MAX_IMAGE_PIXELS: '12000000' })),
]
await rm(root, { recursive: true, force: true })
if (given.doc) await writeDoc()
for (const failure of failures.slice(0, 20)) process.stdout.write(`FAILED: ${failure}\n`)
process.stdout.write(`${failures.length} failures\n`)
process.exit(failures.length === 0 ? 0 : 1)

async function attack(
  formats: readonly string[],
  uploads: number,
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const server = await startServed({
    repository: root,
    environment: {
      ...{ IMAGE_FORMATS: formats.join(), DECODE_THREADS: '2', ...environment },
      ...{ SESSIONS_PER_DEVICE: '1', DEFAULT_MODEL: 'small', REQUEST_TIMEOUT_MS: '60000' },
    },
  })
  const tally: Tally = {
    ...{ uploads: 0, statuses: {}, failures: [], slow: [], slowestMs: 0, slowest: '' },
  }
  const pool = new Pool(server.origin, { connections: clients })
  const seeds = await makeSeeds(all) // also those that are off: they have to be refused
  await sendAll(
    pool,
    take(chain(truncations(seeds), damages(seeds, Number(given.seed))), uploads),
    tally,
  )
  const told = await sendBombs(pool, environment.MAX_IMAGE_PIXELS === undefined, tally)
  await pool.close()
  await examine(server, tally)
  const peakMib = Math.round((await residentBytes(server.pid, 'VmHWM')) / 2 ** 20)
  if (peakMib > maxPeakMib) tally.failures.push(`the main process took ${peakMib} MiB`)
  if ((await server.stop()) !== 0) tally.failures.push('it did not end with exit code 0')
  const seen = [
    ...[formats.join(' '), String(tally.uploads), JSON.stringify(tally.statuses)],
    ...[`${peakMib} MiB`, `${told.toFixed(1)} ms`],
    `${Math.round(tally.slowestMs)} ms (${tally.slowest})`,
  ]
  rows.push(seen)
  process.stdout.write(`${seen.join(' | ')}\n`)
  return tally.failures
}

/** After all of it the server is the one that was started, its session too, and it still works. */
async function examine(server: ServedProcess, tally: Tally): Promise<void> {
  const restarts = await server.metric('session_restarts_total')
  if (restarts > 0) tally.failures.push(`${restarts} sessions were ended`)
  const internal = await server.metric('rejected_total', { reason: 'internal' })
  if (internal > 0) tally.failures.push(`${internal} internal errors`)
  if ((await server.capacity('small')) !== 1) tally.failures.push('it does not serve any more')
}

async function sendAll(pool: Pool, uploads: Iterator<Upload>, tally: Tally): Promise<void> {
  const client = async () => {
    for (let next = uploads.next(); !next.done; next = uploads.next()) {
      await send(pool, next.value, tally)
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
}

/** @returns the longest time in which a header-told refusal came, in milliseconds */
async function sendBombs(pool: Pool, largestToo: boolean, tally: Tally): Promise<number> {
  let longestMs = 0
  const bombs = (await makeBombs()).filter(({ name }) => largestToo || !/ of (49|50) MP/.test(name))
  for (const bomb of bombs) {
    const times: number[] = []
    for (let i = 0; i < (bomb.told === undefined ? 1 : tries); i += 1) {
      times.push(await send(pool, bomb, tally))
    }
    const { told } = bomb as Bomb
    if (told === undefined) continue
    longestMs = Math.max(longestMs, Math.min(...times))
  }
  if (longestMs > toldWithinMs) tally.slow.push(`a header-told refusal took ${longestMs} ms`)
  // And again two at a time, as many as there are decoding threads: that is the worst case.
  const again = bombs[Symbol.iterator]()
  const client = async () => {
    for (const bomb of again) await send(pool, bomb, tally)
  }
  await Promise.all([client(), client()])
  return longestMs
}

async function send(pool: Pool, { name, bytes, told }: Upload & { told?: number }, tally: Tally) {
  const startedAt = performance.now()
  try {
    const answer = await pool.request({ method: 'POST', path: '/v1/classify', body: bytes })
    const text = await answer.body.text()
    const ms = performance.now() - startedAt
    const { statusCode } = answer
    tally.uploads += 1
    tally.statuses[statusCode] = (tally.statuses[statusCode] ?? 0) + 1
    if (ms > tally.slowestMs) Object.assign(tally, { slowestMs: ms, slowest: name })
    if (!expected.has(statusCode)) tally.failures.push(`${name}: ${statusCode} ${text}`)
    if (told !== undefined && statusCode !== told)
      tally.failures.push(`${name}: ${statusCode}, not ${told}`)
    if (inside.test(text)) tally.failures.push(`${name}: the answer tells of the inside: ${text}`)
    assert.equal(typeof JSON.parse(text), 'object')
    return ms
  } catch (error) {
    tally.failures.push(`${name}: ${String(error)}`)
    return performance.now() - startedAt
  }
}

function* chain<Item>(...parts: Iterable<Item>[]): Generator<Item> {
  for (const part of parts) yield* part
}

function* take<Item>(items: Iterable<Item>, count: number): Generator<Item> {
  let taken = 0
  for (const item of items) {
    if (taken++ === count) return
    yield item
  }
}

async function writeDoc(): Promise<void> {
  const head = [
    'formats on',
    'uploads',
    'answers by status',
    'peak of the main process',
    'header-told refusals within',
    'slowest',
  ]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const text = `# Hostile images

Written by \`npm run fuzz -- --doc\` (seed ${given.seed}) on ${cpus().length} cores of ${cpus()[0]?.model.trim()}, Node ${process.version}.
${failures.length} failures: no 5xx, no crash, no words of libraries in answers.

${[head, head.map(() => '---'), ...rows].map(line).join('\n')}
`
  await mkdir('docs', { recursive: true })
  await writeFile('docs/reliability-fuzz.md', text)
}
