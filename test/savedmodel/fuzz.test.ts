import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fuzzSavedModels } from '../support/saved-model-fuzz.ts'

/** The short form; `npm run fuzz:savedmodel -- 10000` is the long one. */
const count = 300

test('a damaged model loads correctly or is refused with a ModelError, in bounded memory and time', {
  timeout: 300_000,
}, async (t) => {
  const report = await fuzzSavedModels({ seed: 1, count })
  t.diagnostic(JSON.stringify(report.outcomes))
  assert.deepEqual(report.failures, [])
  assert.equal(
    Object.values(report.outcomes).reduce((sum, n) => sum + n, 0),
    count,
  )
  assert.ok((report.outcomes.corrupt ?? 0) > count / 4) // the damage reaches what is read
})
