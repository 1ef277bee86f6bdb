// npm run fuzz:savedmodel [-- COUNT [SEED]]: reads COUNT damaged models (10,000 where not said) and
// prints what became of them; exits 1 where one crashed, hung, took too much memory or was read wrong.
import { fuzzSavedModels } from '../support/saved-model-fuzz.ts'

const [count = '10000', seed = '1'] = process.argv.slice(2)
const every = 1000

const report = await fuzzSavedModels({ seed: Number(seed), count: Number(count) }, (done) => {
  if (done % every === 0) {
    console.log(`${done} of ${count}`)
  }
})
console.log(`outcomes: ${JSON.stringify(report.outcomes)}`)
console.log(`peak memory ${(report.peakBytes / 1024 ** 2).toFixed(0)} MiB`)
console.log(`slowest ${report.slowestMs.toFixed(0)} ms`)
for (const failure of report.failures) {
  console.error(failure)
}
process.exitCode = report.failures.length === 0 ? 0 : 1
