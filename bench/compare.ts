// `npm run bench`: this service with each engine, and what a user would run instead, on one machine,
// one model and the same photographs, in turns; tables and plots go to docs/performance.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { startOwnLoops } from './compare/bare-own.ts'
import { type BareLoop, startBareLoop } from './compare/bare-python.ts'
import { contenders, type Running, start } from './compare/contenders.ts'
import { closedLoop, openLoop } from './compare/load.ts'
import { awake, measurePoint, mergeRounds, settleMsOf } from './compare/measure.ts'
import { signalTree } from './compare/process-tree.ts'
import { writeReport } from './compare/report.ts'
import {
  type BareResult,
  type Comparison,
  type ContenderResult,
  loneName,
  type Point,
} from './compare/results.ts'
import { describeSetting } from './compare/setting.ts'
import type { BareFigure } from './support/bare-loops.ts'
import { machine } from './support/machine.ts'
import { photographFiles, photographs } from './support/photographs.ts'
import { median } from './support/statistics.ts'

const { values: given } = parseArgs({
  options: {
    model: { type: 'string', default: 'resnet50' },
    repository: { type: 'string', default: './models' },
    engines: {
      type: 'string',
      default: 'openvino,onnxruntime,tensorflow,openvino int8,onnxruntime int8',
    },
    device: { type: 'string', default: 'cpu' },
    clients: { type: 'string', default: '1,8,32,128' },
    /** Offered load of the open loop, as parts of each contender's own best throughput; none where it is empty. */
    offered: { type: 'string', default: '0.5,0.7,0.9,1.2' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    /** Names that contain one of these, comma-separated; all without. */
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    output: { type: 'string', default: 'docs/performance' },
    /** Makes tables and plots of an earlier run's JSON again. */
    render: { type: 'string' },
  },
})
if (given.render !== undefined) {
  await writeReport(JSON.parse(await readFile(given.render, 'utf8')), given.output)
  process.exit()
}

const threads = availableParallelism()
const maxBatchSize = 8
const rounds = given.quick ? 1 : Number(given.rounds)
const windowMs = (given.quick ? 2 : Number(given.seconds)) * 1000
const clientCounts = (given.quick ? '1,32' : given.clients).split(',').map(Number)
const offered = given.quick ? '0.7' : given.offered
const offeredParts = offered === '' ? [] : offered.split(',').map(Number)
const engines = given.engines.split(',')
const modelFolder = resolve(given.repository, given.model)
const note = (text: string) => process.stderr.write(`${text}\n`)

const images = await photographs()
const setting = await describeSetting({
  modelFolder,
  model: given.model,
  threads,
  maxBatchSize,
  device: given.device,
})
const absent: { name: string; reason: string }[] = []
const toStop: number[] = []
const bareTasks: { readonly pid: number; readonly measure: () => Promise<void> }[] = []
const bareFigures = new Map<string, BareResult[]>()
const addBare = (name: string, batch: number, { imagesPerSecond, medianMs }: BareFigure) => {
  const key = `${name} ${batch}`
  bareFigures.set(key, [
    ...(bareFigures.get(key) ?? []),
    { name, batch, imagesPerSecond, medianMs },
  ])
}
const wanted = given.only === '' ? [] : given.only.split(',')
const isWanted = (name: string) => wanted.length === 0 || wanted.some((part) => name.includes(part))
const because = (error: unknown) =>
  String(error instanceof Error ? error.message : error)
    .trim()
    .slice(-400)

const batches = [1, maxBatchSize]
const durationMs = windowMs / 2
for (const engine of engines) {
  if (!isWanted(`bare ${engine}`)) continue
  try {
    note(`starting bare ${engine}`)
    const { pid, measure } = await startOwnLoops(engine, setting, images)
    toStop.push(pid)
    bareTasks.push({
      pid,
      measure: async () => {
        for (const batchSize of batches) {
          addBare(
            `bare ${engine}`,
            batchSize,
            await measure({ kind: 'infer', batchSize, durationMs }),
          )
        }
        addBare(loneName(engine), 1, await measure({ kind: 'image', durationMs }))
        if (engine !== engines[0]) return
        for (const atOnce of [1, threads]) {
          addBare('bare decode', atOnce, await measure({ kind: 'decode', atOnce, durationMs }))
        }
      },
    })
    signalTree(pid, 'SIGSTOP')
  } catch (error) {
    absent.push({ name: `bare ${engine}`, reason: because(error) })
  }
}
const loops = ['onnxruntime', 'openvino', 'tensorflow', 'pillow'] as const
for (const engine of given.device === 'cpu' && existsSync('bench/peers') ? loops : []) {
  if (!isWanted(`bare ${engine} in Python`)) continue
  try {
    note(`starting bare ${engine} in Python`)
    const loop: BareLoop = await startBareLoop(engine, setting, await photographFiles())
    toStop.push(loop.pid)
    const each = engine === 'pillow' ? [1] : batches
    bareTasks.push({
      pid: loop.pid,
      measure: async () => {
        for (const batch of each)
          addBare(loop.name, batch, await loop.measure(batch, durationMs / 1000))
      },
    })
    signalTree(loop.pid, 'SIGSTOP')
  } catch (error) {
    absent.push({ name: `bare ${engine} in Python`, reason: because(error) })
  }
}

const running: Running[] = []
for (const contender of contenders(setting, engines).filter(({ name }) => isWanted(name))) {
  try {
    note(`starting ${contender.name}`)
    const started = await start(contender, images)
    running.push(started)
    toStop.push(started.pid)
    signalTree(started.pid, 'SIGSTOP')
  } catch (error) {
    note(`  left out: ${because(error)}`)
    absent.push({ name: contender.name, reason: because(error) })
  }
}

const closed = new Map<string, Point[]>()
const open = new Map<string, Point[]>()
const add = (points: Map<string, Point[]>, name: string, point: Point) =>
  points.set(name, [...(points.get(name) ?? []), point])
/** Of the medians: the best of all windows is what the machine does now and then, not its capacity. */
const best = (name: string) =>
  Math.max(
    ...mergeRounds(closed.get(name) ?? [], clientCounts).map(
      ({ imagesPerSecond }) => imagesPerSecond,
    ),
  )
for (let round = 1; round <= rounds; round++) {
  note(`round ${round} of ${rounds}`)
  for (const task of bareTasks) await awake(task.pid, task.measure)
  for (const clients of clientCounts) {
    for (const one of running) {
      const settleMs = settleMsOf(clients, windowMs)
      const drive = () => closedLoop(one.target, clients, { settleMs, windowMs })
      const point = await awake(one.pid, () => measurePoint(one, clients, drive))
      note(`  ${one.name}, ${clients} clients: ${point.imagesPerSecond.toFixed(1)} images/s`)
      add(closed, one.name, point)
    }
  }
  for (const part of offeredParts) {
    for (const one of running) {
      const rate = part * best(one.name)
      const settleMs = settleMsOf(rate, windowMs)
      const drive = () => openLoop(one.target, rate, { settleMs, windowMs })
      const point = await awake(one.pid, () => measurePoint(one, rate, drive))
      note(`  ${one.name}, ${rate.toFixed(1)} offered: p99 ${point.p99Ms.toFixed(0)} ms`)
      add(open, one.name, { ...point, load: part })
    }
  }
}
for (const pid of toStop) {
  signalTree(pid, 'SIGCONT')
  signalTree(pid, 'SIGTERM')
}

const comparison: Comparison = {
  model: given.model,
  machine: machine(),
  images: images.length,
  threads,
  maxBatchSize,
  rounds,
  windowMs,
  contenders: running.map(
    ({ name, startMs }): ContenderResult => ({
      name,
      startMs,
      closed: mergeRounds(closed.get(name) ?? [], clientCounts),
      open: mergeRounds(open.get(name) ?? [], offeredParts).map((point) => ({
        ...point,
        load: point.load * best(name),
      })),
    }),
  ),
  bare: [...bareFigures.values()].map((figures) => ({
    ...(figures[0] as BareResult),
    imagesPerSecond: median(figures.map(({ imagesPerSecond }) => imagesPerSecond)),
    medianMs: median(figures.map(({ medianMs }) => medianMs)),
  })),
  absent,
}
await mkdir(given.output, { recursive: true })
await writeFile(
  join(given.output, `compare-${given.model}.json`),
  `${JSON.stringify(comparison, null, 1)}\n`,
)
process.stdout.write(await writeReport(comparison, given.output))
const endGraceMs = 3000
await new Promise((resolve) => setTimeout(resolve, endGraceMs))
for (const pid of toStop) signalTree(pid, 'SIGKILL')
await rm(setting.scratch, { recursive: true, force: true })
process.exit()
