// `npm run soak -- --minutes 30`: 80 % of what the service can do, for long, every answer checked;
// the memory of the main process and of its sessions is watched.
//   --minutes N   after a warm-up of a tenth, at most 5 minutes
//   --doc         writes docs/reliability-soak.md
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { scriptOptions } from '../../bench/support/script-options.ts'
import { markdownTable, percentile } from '../../bench/support/statistics.ts'
import { type LoadFigure, startLoad } from '../support/checked-load.ts'
import { knownImages, writeSmallModel } from '../support/known-images.ts'
import { residentBytes, startServed } from '../support/served-process.ts'

const given = scriptOptions({
  minutes: { type: 'string', default: '30' },
  doc: { type: 'boolean', default: false },
})

const minuteMs = 60_000
const minutes = Number(given.minutes)
const share = 0.8
const clients = 8
const measureMs = 5_000
const sampleEveryMs = 5_000
/** With less than this there are too few samples for a slope to mean anything. */
const minutesForSlope = 10
const maxSlopeMibPerMinute = 1

/** A sample of resident memory, in MiB. */
interface Sample {
  readonly minute: number
  readonly main: number
  readonly sessions: number
}

const model = { name: 'soak', seed: 5, side: 64, filters: 16 }
const root = await mkdtemp(join(tmpdir(), 'resnet-serving-soak-'))
await writeSmallModel(root, model)
const images = await knownImages(root, model, 32)
const server = await startServed({ repository: root, environment: { LOG_LEVEL: 'info' } })
const target = { origin: server.origin, model: model.name, images, clients }

const closed = startLoad(target)
await sleep(measureMs)
const peakPerS = ((await closed.stop()).ok / measureMs) * 1000
const ratePerS = share * peakPerS
const warmUpMs = Math.min(5, minutes / 10) * minuteMs
await runFor(warmUpMs)
const samples: Sample[] = []
const startedAt = performance.now()
const sampler = setInterval(() => void sample().then((taken) => samples.push(taken)), sampleEveryMs)
const figure = await runFor(minutes * minuteMs)
clearInterval(sampler)
const restarts = await server.metric('session_restarts_total')
const code = await server.stop()
await rm(root, { recursive: true, force: true })

const slopes = { main: slope('main'), sessions: slope('sessions') }
const failures = [
  ...(figure.wrong > 0 ? [`${figure.wrong} wrong answers`] : []),
  ...(figure.lost.length > 0 ? [`${figure.lost.length} lost: ${figure.lost[0]}`] : []),
  ...(restarts > 0 ? [`${restarts} sessions were ended`] : []),
  ...(code === 0 ? [] : [`exit code ${code}`]),
  ...Object.entries(slopes)
    .filter(([, mib]) => minutes >= minutesForSlope && mib >= maxSlopeMibPerMinute)
    .map(([what, mib]) => `${what} grew by ${mib.toFixed(2)} MiB a minute`),
]
const table = markdownTable([
  ['figure', 'value'],
  ['minutes, after the warm-up', String(minutes)],
  ['peak, images/s', peakPerS.toFixed(1)],
  ['offered, images/s', ratePerS.toFixed(1)],
  ['right answers', String(figure.ok)],
  ['wrong answers', String(figure.wrong)],
  ['lost', String(figure.lost.length)],
  ['refused', JSON.stringify(figure.refused)],
  ['p50, p99 ms', [0.5, 0.99].map((at) => percentile(figure.okMs, at).toFixed(1)).join(', ')],
  ['main process, first and last MiB', ends('main')],
  ['main process, MiB a minute', slopes.main.toFixed(3)],
  ['sessions together, first and last MiB', ends('sessions')],
  ['sessions together, MiB a minute', slopes.sessions.toFixed(3)],
  ['sessions ended', String(restarts)],
  ['exit code after SIGTERM', String(code)],
])
process.stdout.write(`${table}\n`)
for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`)
if (given.doc) await writeDoc()
process.exit(failures.length === 0 ? 0 : 1)

async function runFor(ms: number): Promise<LoadFigure> {
  const load = startLoad({ ...target, clients: 256, ratePerS })
  await sleep(ms)
  return await load.stop()
}

async function sample(): Promise<Sample> {
  const minute = (performance.now() - startedAt) / minuteMs
  const sessions = await Promise.all((await server.sessions()).map((pid) => residentBytes(pid)))
  const sum = sessions.reduce((total, bytes) => total + bytes, 0)
  return { minute, main: (await server.residentBytes()) / 2 ** 20, sessions: sum / 2 ** 20 }
}

/** MiB a minute by least squares. */
function slope(what: 'main' | 'sessions'): number {
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / values.length
  const x = mean(samples.map(({ minute }) => minute))
  const y = mean(samples.map((taken) => taken[what]))
  const above = samples.reduce((sum, taken) => sum + (taken.minute - x) * (taken[what] - y), 0)
  return above / samples.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0)
}

function ends(what: 'main' | 'sessions'): string {
  return [samples[0], samples.at(-1)].map((taken) => taken?.[what].toFixed(1) ?? '?').join(', ')
}

async function writeDoc(): Promise<void> {
  const text = `# A long run at 80 % of the peak

Written by \`npm run soak -- --minutes ${given.minutes} --doc\` on ${cpus().length} cores of ${cpus()[0]?.model.trim()}, Node ${process.version}.
Every request carries one of ${images.length} images whose answers are known and differ.

${table}
`
  await mkdir('docs', { recursive: true })
  await writeFile('docs/reliability-soak.md', text)
}
