// npm run fuzz:savedmodel [-- COUNT [SEED]]: reads and converts COUNT damaged models (10,000 where not
// said) and prints what became of them; exits 1 where one crashed, hung, took too much memory or was
// read wrong. A run of 10,000 or more writes docs/reliability-fuzz-models.md.
import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { markdownTable } from '../../bench/support/statistics.ts'
import { type FuzzReport, fuzzSavedModels } from '../support/saved-model-fuzz.ts'
import { packageFolder } from '../support/tensorflow.ts'

const [count = '10000', seed = '1'] = process.argv.slice(2)
const every = 1000
/** Shorter runs are looks, not proofs. */
const writtenFrom = 10_000

/** What became of them, worst last. */
const meanings: Readonly<Record<string, string>> = {
  loaded: 'loaded, and equal to the original where checksums cover the damage',
  missing: 'refused: a part is missing',
  corrupt: 'refused: corrupt',
  unsupported: 'refused: outside what the service runs',
  wrong: 'READ WRONG',
  crashed: 'an error that is no refusal',
}

function page({ outcomes, failures, peakBytes, slowestMs }: FuzzReport): string {
  const rows = Object.entries(meanings).map(([outcome, meaning]) => [
    meaning,
    String(outcomes[outcome] ?? 0),
  ])
  const [cpu] = cpus()
  const facts = [
    ['ended, hung or beyond the memory', String(failures.length)],
    ['peak memory of the process that reads', `${(peakBytes / 1024 ** 2).toFixed(0)} MiB`],
    ['slowest', `${slowestMs.toFixed(0)} ms`],
  ]
  return [
    '# Hostile models',
    `Written by \`npm run fuzz:savedmodel -- ${count} ${seed}\` on ${cpus().length} cores of ${cpu?.model}, Node ${process.version}.`,
    'Each of nine small SavedModels gets damaged bytes in saved_model.pb, variables.index or its data: flipped, ' +
      'cut, repeated and enlarged; three of four damaged indexes get right checksums again. Then it is read, its ' +
      'signatures and checksums are read alone, what loads is converted to ONNX, and casts are put beside its ' +
      'ends as the tensorflow engine does.',
    markdownTable([['what became of it', 'models'], ...rows, ...facts]),
    ...failures.map((failure) => `- ${failure.split('\n', 1)[0]}`),
  ].join('\n\n')
}

const report = await fuzzSavedModels({ seed: Number(seed), count: Number(count) }, (done) => {
  if (done % every === 0) {
    console.log(`${done} of ${count}`)
  }
})
if (Number(count) >= writtenFrom) {
  await writeFile(join(packageFolder, 'docs/reliability-fuzz-models.md'), `${page(report)}\n`)
}
console.log(`outcomes: ${JSON.stringify(report.outcomes)}`)
console.log(`peak memory ${(report.peakBytes / 1024 ** 2).toFixed(0)} MiB`)
console.log(`slowest ${report.slowestMs.toFixed(0)} ms`)
for (const failure of report.failures) {
  console.error(failure)
}
process.exitCode = report.failures.length === 0 ? 0 : 1
