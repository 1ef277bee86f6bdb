// `npm run bench:lone`: what one client of this service waits for, beside bare inference and bare decoding, in
// many short rounds, so that a machine that is slower for moments is compared with itself.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { startOwnLoops } from './compare/bare-own.ts'
import { contenders, type Running, start } from './compare/contenders.ts'
import { awake } from './compare/measure.ts'
import { endTrees, signalTree } from './compare/process-tree.ts'
import { ownPrefix } from './compare/ratios.ts'
import { describeSetting } from './compare/setting.ts'
import { lonePage } from './lone/report.ts'
import type { LoneRound, LoneRun } from './lone/rounds.ts'
import { machine } from './support/machine.ts'
import { photographs } from './support/photographs.ts'
import { rawLoad } from './support/raw-load.ts'
import { scriptOptions } from './support/script-options.ts'

const given = scriptOptions({
  model: { type: 'string', default: 'resnet50' },
  repository: { type: 'string', default: './models' },
  engines: { type: 'string', default: 'openvino,onnxruntime,openvino int8' },
  rounds: { type: 'string', default: '60' },
  milliseconds: { type: 'string', default: '250' },
  output: { type: 'string', default: 'docs/performance' },
  /** Makes the page of an earlier run's JSON again, beside it. */
  render: { type: 'string' },
})

async function writePage(run: LoneRun, folder: string): Promise<void> {
  const text = lonePage(run)
  await writeFile(join(folder, `lone-${run.model}.md`), text)
  process.stdout.write(text)
}

if (given.render !== undefined) {
  await writePage(JSON.parse(await readFile(given.render, 'utf8')), dirname(given.render))
  process.exit()
}

const threads = availableParallelism()
const windowMs = Number(given.milliseconds)
const images = await photographs()
const setting = await describeSetting({
  modelFolder: resolve(given.repository, given.model),
  model: given.model,
  threads,
  maxBatchSize: 8,
  device: 'cpu',
})

interface Pair {
  readonly engine: string
  readonly loops: Awaited<ReturnType<typeof startOwnLoops>>
  readonly service: Running
  readonly rounds: LoneRound[]
}

const pairs: Pair[] = []
for (const engine of given.engines.split(',')) {
  process.stderr.write(`starting ${engine}\n`)
  const loops = await startOwnLoops(engine, setting, images)
  signalTree(loops.pid, 'SIGSTOP')
  const contender = contenders(setting, [engine]).find(({ name }) => name === ownPrefix + engine)
  if (contender === undefined) throw new Error(`there is no service with ${engine}. This is a bug.`)
  const service = await start(contender, images)
  // V8 optimises what runs often, and no other load comes before the first round here.
  await rawLoad({ ...service.target, connections: 1, durationMs: 20 * windowMs })
  signalTree(service.pid, 'SIGSTOP')
  pairs.push({ engine, loops, service, rounds: [] })
}

async function measureRound({ loops, service }: Pair): Promise<LoneRound> {
  const bare = { durationMs: windowMs }
  const infer = () => loops.measure({ kind: 'infer', batchSize: 1, ...bare })
  const before = await awake(loops.pid, async () => ({
    inferMs: (await infer()).medianMs,
    decodeMs: (await loops.measure({ kind: 'decode', atOnce: 1, ...bare })).medianMs,
    bothMs: (await loops.measure({ kind: 'image', ...bare })).medianMs,
  }))
  const load = { connections: 1, settleMs: windowMs / 2, durationMs: 2 * windowMs }
  const drive = () => rawLoad({ ...service.target, ...load })
  const { p50Ms } = await awake(service.pid, drive)
  const after = await awake(loops.pid, infer)
  return { ...before, serviceMs: p50Ms, inferAgainMs: after.medianMs }
}

for (let round = 1; round <= Number(given.rounds); round++) {
  process.stderr.write(`round ${round} of ${given.rounds}\n`)
  for (const pair of pairs) pair.rounds.push(await measureRound(pair))
}

const ended = endTrees(pairs.flatMap(({ loops, service }) => [loops.pid, service.pid]))
const run: LoneRun = {
  model: given.model,
  machine: machine(),
  images: images.length,
  threads,
  windowMs,
  results: pairs.map(({ engine, rounds }) => ({ engine, rounds })),
}
await mkdir(given.output, { recursive: true })
await writeFile(join(given.output, `lone-${given.model}.json`), `${JSON.stringify(run, null, 1)}\n`)
await writePage(run, given.output)
await ended
await rm(setting.scratch, { recursive: true, force: true })
process.exit()
