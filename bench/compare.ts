// `npm run bench`: this service with each engine, and what a user would run instead, on one machine,
// one model and the same photographs, in turns; tables and plots go to docs/performance.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { startOwnLoops } from './compare/bare-own.ts'
import { type BareLoop, startBareLoop } from './compare/bare-python.ts'
import { contenders, type Running, start } from './compare/contenders.ts'
import { closedLoop, openLoop } from './compare/load.ts'
import { awake, measurePoint, settleMsOf } from './compare/measure.ts'
import { capacityOf, mergeBare, mergePoints, pointsOf } from './compare/merge-rounds.ts'
import { endTrees, signalTree } from './compare/process-tree.ts'
import { manyClients, ownPrefix } from './compare/ratios.ts'
import { writeReport } from './compare/report.ts'
import {
  type BareResult,
  type Comparison,
  type Figures,
  loneName,
  type Point,
} from './compare/results.ts'
import { describeSetting } from './compare/setting.ts'
import { machine } from './support/machine.ts'
import { photographFiles, photographs } from './support/photographs.ts'
import { scriptOptions } from './support/script-options.ts'

const given = scriptOptions({
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
  /** Makes tables and plots of an earlier run's JSON again, beside it. */
  render: { type: 'string' },
})
if (given.render !== undefined) {
  await writeReport(JSON.parse(await readFile(given.render, 'utf8')), dirname(given.render))
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
/** Bare loops: what one client waits for, and what many could have. */
interface BareTask {
  readonly pid: number
  /** Beside whose service it is measured; absent where it is nobody's part. */
  readonly engine?: string
  lone(): Promise<BareResult[]>
  many(): Promise<BareResult[]>
}
const bareTasks: BareTask[] = []
const wanted = given.only === '' ? [] : given.only.split(',')
const isWanted = (name: string) => wanted.length === 0 || wanted.some((part) => name.includes(part))
const because = (error: unknown) =>
  String(error instanceof Error ? error.message : error)
    .trim()
    .slice(-400)

const durationMs = windowMs / 2
for (const engine of engines) {
  if (!isWanted(`bare ${engine}`)) continue
  try {
    note(`starting bare ${engine}`)
    const { pid, measure } = await startOwnLoops(engine, setting, images)
    toStop.push(pid)
    const infer = async (batchSize: number): Promise<BareResult> => ({
      ...{ name: `bare ${engine}`, batch: batchSize, engine },
      ...(await measure({ kind: 'infer', batchSize, durationMs })),
    })
    const decode = async (atOnce: number): Promise<BareResult> => ({
      ...{ name: 'bare decode', batch: atOnce, engine },
      ...(await measure({ kind: 'decode', atOnce, durationMs })),
    })
    const inTurn = async (): Promise<BareResult> => ({
      ...{ name: loneName(engine), batch: 1, engine },
      ...(await measure({ kind: 'image', durationMs })),
    })
    bareTasks.push({
      pid,
      engine,
      lone: async () => [await infer(1), await decode(1), await inTurn()],
      many: async () => [await infer(maxBatchSize), await decode(threads)],
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
    const at = async (batch: number): Promise<BareResult> => ({
      ...{ name: loop.name, batch },
      ...(await loop.measure(batch, durationMs / 1000)),
    })
    bareTasks.push({
      pid: loop.pid,
      lone: async () => [await at(1)],
      many: async () => (engine === 'pillow' ? [] : [await at(maxBatchSize)]),
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

/** The count of clients beside which what many could have is measured. */
const crowd = clientCounts.includes(manyClients) ? manyClients : clientCounts[0]
const each: Figures[] = []
for (let round = 1; round <= rounds; round++) {
  note(`round ${round} of ${rounds}`)
  const entries = running.map((one) => ({
    one,
    result: { name: one.name, startMs: one.startMs, closed: [] as Point[], open: [] as Point[] },
  }))
  const bare: BareResult[] = []
  each.push({ contenders: entries.map(({ result }) => result), bare })
  await measureClosed(entries, bare)
  await measureOpen(entries)
}

interface Entry {
  readonly one: Running
  readonly result: { readonly closed: Point[]; readonly open: Point[] }
}

async function measureClosed(entries: readonly Entry[], bare: BareResult[]): Promise<void> {
  const isBeside = (name: string) => (task: BareTask) => name === ownPrefix + task.engine
  const others = bareTasks.filter((task) => !running.some(({ name }) => isBeside(name)(task)))
  for (const clients of new Set([clientCounts[0], crowd])) {
    bare.push(...(await measureBare(others, clients)))
  }
  for (const clients of clientCounts) {
    for (const { one, result } of entries) {
      // The parts right before the whole: a minute later the machine may be another.
      bare.push(...(await measureBare(bareTasks.filter(isBeside(one.name)), clients)))
      const settleMs = settleMsOf(clients, windowMs)
      const drive = () => closedLoop(one.target, clients, { settleMs, windowMs })
      const point = await awake(one.pid, () => measurePoint(one, clients, drive))
      note(`  ${one.name}, ${clients} clients: ${point.imagesPerSecond.toFixed(1)} images/s`)
      result.closed.push(point)
    }
  }
}

/** What is to be compared with so many clients. */
async function measureBare(tasks: readonly BareTask[], clients: number | undefined) {
  const found: BareResult[] = []
  for (const task of tasks) {
    if (clients === clientCounts[0]) found.push(...(await awake(task.pid, () => task.lone())))
    if (clients === crowd) found.push(...(await awake(task.pid, () => task.many())))
  }
  return found
}

async function measureOpen(entries: readonly Entry[]): Promise<void> {
  for (const part of offeredParts) {
    for (const { one, result } of entries) {
      const rate = part * capacityOf(each, one.name, clientCounts)
      const settleMs = settleMsOf(rate, windowMs)
      const drive = () => openLoop(one.target, rate, { settleMs, windowMs })
      const point = await awake(one.pid, () => measurePoint(one, rate, drive))
      note(`  ${one.name}, ${rate.toFixed(1)} offered: p99 ${point.p99Ms.toFixed(0)} ms`)
      result.open.push({ ...point, load: part })
    }
  }
}

const ended = endTrees(toStop)

const comparison: Comparison = {
  model: given.model,
  machine: machine(),
  images: images.length,
  threads,
  maxBatchSize,
  rounds,
  windowMs,
  contenders: running.map(({ name, startMs }) => ({
    name,
    startMs,
    closed: mergePoints(pointsOf(each, name, 'closed'), clientCounts),
    open: mergePoints(pointsOf(each, name, 'open'), offeredParts).map((point) => ({
      ...point,
      load: point.load * capacityOf(each, name, clientCounts),
    })),
  })),
  bare: mergeBare(each.flatMap(({ bare }) => bare)),
  each,
  absent,
}
await mkdir(given.output, { recursive: true })
await writeFile(
  join(given.output, `compare-${given.model}.json`),
  `${JSON.stringify(comparison, null, 1)}\n`,
)
process.stdout.write(await writeReport(comparison, given.output))
await ended
await rm(setting.scratch, { recursive: true, force: true })
process.exit()
