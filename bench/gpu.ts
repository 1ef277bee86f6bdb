// `npm run bench:gpu`: one GPU, measured through this service's own engine and over HTTP: whether it
// answers as the CPU does, images a second by batch size, by sessions, and by clients.
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Precision } from '../src/engines/engine.ts'
import { messageOf } from '../src/errors.ts'
import { createImaging } from '../src/imaging/decoder-pool.ts'
import { service, start } from './compare/contenders.ts'
import { closedLoop } from './compare/load.ts'
import { measurePoint, settleMsOf } from './compare/measure.ts'
import { signalTree } from './compare/process-tree.ts'
import type { Point } from './compare/results.ts'
import { describeSetting } from './compare/setting.ts'
import { compareScores } from './gpu/compare-scores.ts'
import { type GpuResults, type Variant, writeGpuReport } from './gpu/report.ts'
import { type EngineClient, startEngine } from './support/engine-client.ts'
import { machine } from './support/machine.ts'
import { photographs } from './support/photographs.ts'
import { scriptOptions } from './support/script-options.ts'
import { median } from './support/statistics.ts'

const given = scriptOptions({
  model: { type: 'string', default: 'resnet50' },
  repository: { type: 'string', default: './models' },
  /** Device and precision, `/` between them. The first is the one that sessions are varied with. */
  variants: { type: 'string', default: 'cuda:0/fp16,cuda:0/auto,cuda:0/fp32' },
  batches: { type: 'string', default: '1,2,4,8,16,32,64' },
  sessions: { type: 'string', default: '1,2,4' },
  clients: { type: 'string', default: '1,32,128,512' },
  rounds: { type: 'string', default: '2' },
  seconds: { type: 'string', default: '3' },
  output: { type: 'string', default: 'docs/performance' },
  /** Makes the page of an earlier run's JSON again, beside it. */
  render: { type: 'string' },
})
if (given.render !== undefined) {
  await writeGpuReport(JSON.parse(await readFile(given.render, 'utf8')), dirname(given.render))
  process.exit()
}

const note = (text: string) => process.stderr.write(`${text}\n`)
const numbers = (text: string) => text.split(',').map(Number)
const batchSizes = numbers(given.batches)
const windowMs = Number(given.seconds) * 1000
const variants = given.variants.split(',').map((text): Variant => {
  const [device = '', precision = 'auto'] = text.split('/')
  return { device, precision }
})
const isCpu = ({ device }: Variant) => device === 'cpu'
const titleOf = ({ device, precision }: Variant) => `${device} ${precision}`
const images = await photographs()
const serviceBatch = 32 // the service's own choice for a GPU
const setting = await describeSetting({
  modelFolder: resolve(given.repository, given.model),
  model: given.model,
  threads: availableParallelism(),
  maxBatchSize: serviceBatch,
  device: variants[0]?.device ?? 'cpu',
})
const manifest = JSON.parse(
  await readFile(join(setting.repository, given.model, 'model.json'), 'utf8'),
)

const results: GpuResults = {
  model: given.model,
  machine: machine(),
  gpu: gpuName(),
  rounds: Number(given.rounds),
  windowMs,
  images: images.length,
  exact: [],
  batches: [],
  sessions: [],
  http: [],
  absent: [],
}
await mkdir(given.output, { recursive: true })

/** NVIDIA's name of it; a device over Vulkan has none here. */
function gpuName(): string | null {
  return askNvidia('name,driver_version')
}

/** What `nvidia-smi` says of the first GPU; null where there is no such program. */
function askNvidia(query: string): string | null {
  try {
    const format = '--format=csv,noheader,nounits'
    const text = execFileSync('nvidia-smi', [`--query-gpu=${query}`, format], { encoding: 'utf8' })
    return text.trim().split('\n')[0] ?? null
  } catch {
    return null
  }
}

function open({ device, precision }: Variant): Promise<EngineClient> {
  return startEngine({
    engine: 'onnxruntime',
    request: {
      model: given.model,
      folder: setting.savedModel,
      cacheFolder: join(setting.repository, given.model, '.cache/1'),
      normalization: manifest.preprocess,
      device,
      precision: precision as Precision | 'auto',
      threads: device === 'cpu' ? availableParallelism() : 1,
      maxBatchSize: Math.max(...batchSizes),
      output: null,
    },
  })
}

async function cropsOfPhotographs(): Promise<readonly Uint8Array[]> {
  const imaging = createImaging({
    threads: availableParallelism(),
    maxPixels: 50_000_000,
    formats: ['jpeg'],
  })
  const recipe = { ...manifest.preprocess, height: 224, width: 224, cropSize: 224 }
  const decoded = await Promise.all(
    images.map((image) => imaging.decode(new Uint8Array(image), [recipe])),
  )
  await imaging.close()
  return decoded.map(({ crops }) => crops[0] as Uint8Array)
}

/** What does not run here is told, and the rest goes on. */
async function attempt(name: string, act: () => Promise<void>): Promise<void> {
  note(name)
  try {
    await act()
  } catch (error) {
    note(`  left out: ${messageOf(error)}`)
    results.absent.push({ name, reason: messageOf(error).slice(0, 600) })
  }
  await writeGpuReport(results, given.output) // as far as it came, should the run be cut short
}

const crops = await cropsOfPhotographs()
const cpu = await open({ device: 'cpu', precision: 'fp32' })
const right = await cpu.score(crops)
const { kind } = cpu.description.output
cpu.end()

const running = new Map<Variant, EngineClient>()
for (const variant of variants) {
  await attempt(`${titleOf(variant)}: answers`, async () => {
    const client = await open(variant)
    running.set(variant, client)
    results.exact.push({
      ...variant,
      ran: client.description.precision,
      loadMs: client.loadMs,
      ...compareScores(right, await client.score(crops), kind),
    })
  })
}
await attempt('batch sizes', async () => {
  for (let round = 1; round <= results.rounds; round++) {
    for (const batchSize of batchSizes) {
      for (const [variant, client] of running) {
        const figure = await client.measure({ batchSize, durationMs: windowMs / 2 })
        note(`  ${titleOf(variant)}, ${batchSize}: ${figure.imagesPerSecond.toFixed(0)} images/s`)
        results.batches.push({ ...variant, batchSize, round, ...figure })
      }
    }
  }
})
for (const client of running.values()) client.end()

for (const variant of [...running.keys()].slice(0, 1)) {
  for (const count of numbers(given.sessions)) {
    await attempt(`${titleOf(variant)}, ${count} sessions`, async () => {
      const clients = await Promise.all(Array.from({ length: count }, () => open(variant)))
      const task = { batchSize: serviceBatch, durationMs: windowMs }
      await Promise.all(clients.map((client) => client.measure({ ...task, durationMs: 200 })))
      const rounds: number[] = []
      for (let round = 1; round <= results.rounds; round++) {
        const figures = await Promise.all(clients.map((client) => client.measure(task)))
        rounds.push(figures.reduce((sum, { imagesPerSecond }) => sum + imagesPerSecond, 0))
      }
      for (const client of clients) client.end()
      results.sessions.push({ ...variant, sessions: count, imagesPerSecond: median(rounds) })
    })
  }
}

async function overHttp(variant: Variant, sessions: number): Promise<void> {
  const name = `${titleOf(variant)}, ${sessions} sessions, over HTTP`
  await attempt(name, async () => {
    const contender = service({ ...setting, device: variant.device }, name, {
      ENGINE: 'onnxruntime',
      PRECISION: variant.precision,
      SESSIONS_PER_DEVICE: String(sessions),
    })
    const server = await start(contender, images)
    try {
      const points: Point[] = []
      for (const clients of numbers(given.clients)) {
        const settleMs = settleMsOf(clients, windowMs)
        const drive = () => closedLoop(server.target, clients, { settleMs, windowMs })
        const point = await measurePoint(server, clients, drive)
        note(`  ${clients} clients: ${point.imagesPerSecond.toFixed(0)} images/s`)
        points.push(point)
      }
      const { startMs } = server
      const gpuMegabytes = Number(askNvidia('memory.used') ?? Number.NaN)
      results.http.push({ ...variant, sessions, startMs, points, gpuMegabytes })
    } finally {
      signalTree(server.pid, 'SIGTERM')
    }
  })
}

for (const [index, variant] of [...running.keys()].entries()) {
  const counts = index === 0 ? numbers(given.sessions) : [2]
  for (const sessions of counts) await overHttp(variant, isCpu(variant) ? 1 : sessions)
}
process.stdout.write(await writeGpuReport(results, given.output))
await rm(setting.scratch, { recursive: true, force: true })
process.exit()
