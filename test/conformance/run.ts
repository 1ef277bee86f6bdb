// `npm run conformance`: real TensorFlow exports networks and answers images; the real server, on
// each engine, has to give the same probabilities. Prints a table and writes docs/conformance.md.
//   --only NAME…   these networks, cases of people.py, kinds.py and families.py, or golden folders; no page
//   --quick        a few networks and cases that together cover every kind of operator; no page
//   --spread       all networks and golden folders, and some of the cases; no page
//   --resume       keeps what earlier runs found to pass (.conformance/) and tries the rest
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptArguments } from '../../bench/support/script-options.ts'
import { goldenMissing } from '../support/golden.ts'
import { openvinoMissing } from '../support/openvino.ts'
import { endAllServed } from '../support/served-process.ts'
import { packageFolder, withoutEngine } from '../support/tensorflow.ts'
import {
  type Exported,
  type ExportFailure,
  ensurePython,
  exportAll,
  goldenExports,
  listCases,
} from './exported.ts'
import { forgetKept, isSettled, type Kept, keep, keptVerdicts, presentCommit } from './kept.ts'
import { allNetworks, quickCases, quickNetworks, someCases } from './networks.ts'
import { page, type Report, verdictTable } from './report.ts'
import { tryModel } from './try-model.ts'

const { values: given, positionals } = scriptArguments({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    spread: { type: 'boolean', default: false },
    resume: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const only = [...given.only, ...positionals]
/** The shorter runs neither write the page nor touch what longer ones found. */
const isWhole = !given.quick && !given.spread && only.length === 0

const skipped = [
  ...(openvinoMissing === false
    ? []
    : [`The openvino engine was left out: it ${openvinoMissing}.`]),
  ...(withoutEngine === false ? [] : [`The tensorflow engine was left out: ${withoutEngine}.`]),
  ...(goldenMissing === false ? [] : [`The golden models were left out: it ${goldenMissing}.`]),
]
const engines = [
  'onnxruntime',
  ...(openvinoMissing === false ? ['openvino'] : []),
  ...(withoutEngine === false ? ['tensorflow'] : []),
]
if (!given.resume && isWhole) forgetKept()
/** By name, in the order in which they were tried. */
const verdicts = given.resume ? keptVerdicts() : new Map<string, Kept>()
const commit = presentCommit()
let tensorflow = ''
let planned: readonly string[] = []

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function report(): Report {
  const words = [
    ...(only.length > 0 ? ['--only', ...only] : []),
    ...(given.quick ? ['--quick'] : []),
    ...(given.spread ? ['--spread'] : []),
    ...(given.resume ? ['--resume'] : []),
  ]
  const command = ['npm run conformance', ...(words.length > 0 ? ['--', ...words] : [])].join(' ')
  // Those planned first and in their order; then what earlier runs found beside them.
  const inOrder = [...new Set([...planned, ...verdicts.keys()])]
  const found = inOrder.flatMap((name) => verdicts.get(name) ?? [])
  return { verdicts: found, planned: inOrder.length, engines, skipped, command }
}

async function namesToExport(golden: readonly Exported[]): Promise<readonly string[]> {
  if (only.length > 0) return only.filter((name) => !golden.some((one) => one.name === name))
  if (given.quick) return [...quickNetworks, ...quickCases]
  const cases = await listCases()
  return [...allNetworks, ...(given.spread ? someCases(cases) : cases)]
}

async function writePage(): Promise<void> {
  if (isWhole) await writeFile(join(packageFolder, 'docs/conformance.md'), page(report()))
}

async function judge(model: Exported | ExportFailure): Promise<void> {
  const started = performance.now()
  const verdict =
    'error' in model
      ? { name: model.name, bound: 0, answers: [], refused: [], failures: [model.error] }
      : await tryModel(model, engines)
  if ('tensorflow' in model && model.tensorflow !== undefined) tensorflow = model.tensorflow
  const kept = { ...verdict, tensorflow, commit, engines }
  verdicts.set(verdict.name, kept)
  const differences = verdict.answers.map(
    (one) => `${one.engine} ${one.difference.toExponential(1)}`,
  )
  const refused = (verdict.refused ?? []).map((engine) => `${engine} refuses it`)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  // After each, for a whole run takes an hour and may be ended.
  if (isWhole) keep(kept)
  await writePage()
  say(
    `${verdict.name}: ${[...differences, ...refused, ...verdict.failures].join(', ')} (${seconds} s)`,
  )
}

const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-exports-'))
try {
  await ensurePython()
  for (const sentence of skipped) say(sentence)
  const golden = goldenExports()
  const toExport = await namesToExport(golden)
  const chosen = golden.filter(({ name }) => only.length === 0 || only.includes(name))
  planned = [...toExport, ...chosen.map(({ name }) => name)]
  await writePage()
  const isOpen = (name: string) => !isSettled(verdicts.get(name), engines)
  for await (const model of exportAll(folder, toExport.filter(isOpen))) await judge(model)
  for (const model of chosen) if (isOpen(model.name)) await judge(model)
} finally {
  endAllServed()
  await rm(folder, { recursive: true, force: true })
}

const last = report()
say(`\n${verdictTable(last)}`)
const failed = last.verdicts.filter(({ failures }) => failures.length > 0)
say(`${last.verdicts.length - failed.length} of ${last.planned} models pass`)
if (failed.length > 0 || last.verdicts.length < last.planned || last.planned === 0)
  process.exitCode = 1
