// `npm run chaos`: real faults done to a real server under load, each in a file of faults/.
//   --only TEXT   those whose name holds TEXT
//   --long        longer, and times are promises too; all of them write docs/reliability-chaos.md
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptOptions } from '../../bench/support/script-options.ts'
import { knownImages, writeSmallModel } from '../support/known-images.ts'
import { endAllServed } from '../support/served-process.ts'
import { clockStep } from './faults/clock-step.ts'
import { givenUp } from './faults/given-up.ts'
import { mixture } from './faults/mixture.ts'
import { modelFolder } from './faults/model-folder.ts'
import { overload } from './faults/overload.ts'
import { poisonImages } from './faults/poison-image.ts'
import { rollingRestart } from './faults/rolling-restart.ts'
import { scarcity } from './faults/scarcity.ts'
import { sessionSignals } from './faults/session-signals.ts'
import { shutdown } from './faults/shutdown.ts'
import { slowClients } from './faults/slow-clients.ts'
import type { Fault, Sighting } from './support/fault.ts'

const faults: readonly Fault[] = [
  ...sessionSignals,
  ...poisonImages,
  ...modelFolder,
  ...scarcity,
  ...slowClients,
  ...mixture,
  ...givenUp,
  ...clockStep,
  ...shutdown,
  ...rollingRestart,
  ...overload,
]

const given = scriptOptions({
  only: { type: 'string', default: '' },
  long: { type: 'boolean', default: false },
})

const small = { name: 'small', seed: 7 }
const other = { name: 'other', seed: 8 }
const imageCount = 24

interface Result {
  readonly fault: string
  readonly outcome: 'kept' | 'BROKEN' | 'skipped'
  readonly seen: Sighting
}

const root = await mkdtemp(join(tmpdir(), 'resnet-serving-chaos-'))
const pristine = join(root, 'pristine')
await writeSmallModel(pristine, small)
await writeSmallModel(pristine, other)
const images = await knownImages(pristine, small, imageCount)
const otherImages = await knownImages(pristine, other, imageCount)

const results: Result[] = []
for (const fault of faults.filter(({ name }) => name.includes(given.only))) {
  const result = await tryFault(fault, results.length)
  results.push(result)
  const seen = Object.entries(result.seen).map(([name, figure]) => `${name} ${figure}`)
  process.stdout.write(`${result.outcome}: ${result.fault}\n  ${seen.join('; ')}\n`)
}
await rm(root, { recursive: true, force: true })
if (given.long && given.only === '') await writeTable()
const broken = results.filter(({ outcome }) => outcome === 'BROKEN').length
process.stdout.write(`${results.length} faults, ${broken} broken promises\n`)
process.exit(broken === 0 ? 0 : 1)

async function tryFault(fault: Fault, number: number): Promise<Result> {
  const lacks = fault.lacks?.()
  if (lacks !== undefined) return { fault: fault.name, outcome: 'skipped', seen: { needs: lacks } }
  const folder = join(root, String(number))
  const repository = join(folder, 'models')
  await mkdir(folder)
  await cp(pristine, repository, { recursive: true })
  try {
    const seen = await fault.run({ repository, folder, images, otherImages, long: given.long })
    return { fault: fault.name, outcome: 'kept', seen }
  } catch (error) {
    const { message } = error as Error
    return { fault: fault.name, outcome: 'BROKEN', seen: { why: message } }
  } finally {
    endAllServed()
  }
}

async function writeTable(): Promise<void> {
  const rows = results.map(({ fault, outcome, seen }) => {
    const figures = Object.entries(seen).map(([name, figure]) => `${name}: ${figure}`)
    return `| ${fault} | ${outcome} | ${figures.join('; ')} |`
  })
  const text = `# Faults, injected for real

Written by \`npm run chaos -- --long\` on ${cpus().length} cores of ${cpus()[0]?.model.trim()}, Node ${process.version}.

| fault | promise | seen |
| --- | --- | --- |
${rows.join('\n')}
`
  await mkdir('docs', { recursive: true })
  await writeFile('docs/reliability-chaos.md', text)
}
