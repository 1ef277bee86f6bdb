// The openvino engine on SavedModels that TensorFlow wrote, held against TensorFlow's answers.
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { type GoldenModel, goldenMissing, goldenModels } from '../support/golden.ts'
import { loadWithOpenvino, openvinoMissing } from '../support/openvino.ts'
import { compareProbabilities, rows } from '../support/probabilities.ts'
import { tempFolder } from '../support/temp-folder.ts'

const skip = openvinoMissing || goldenMissing
/** The bounds of ../shared/golden/README.md. */
const maxDifference = 1e-4
/** These networks know a thousand photographs by heart: their scores are as steep as can be. */
const maxDifferenceBf16 = 0.3

async function compare(
  t: TestContext,
  { folder, normalization, pixels, answers }: GoldenModel,
  request: Partial<LoadRequest> & { readonly output: string },
) {
  const model = await loadWithOpenvino(t, { folder, normalization, maxBatchSize: 4, ...request })
  const { output, precision } = model.description
  const expected = rows(answers.get(request.output) ?? new Float32Array(), output)
  const found = rows(await model.run(pixels, 4), output)
  const { difference, sameTop } = compareProbabilities(found, expected, maxDifference)
  return { difference, sameTop, description: model.description, precision, found, expected }
}

describe('TensorFlow models answer as in TensorFlow', { skip }, () => {
  for (const golden of goldenModels()) {
    for (const output of golden.answers.keys()) {
      test(`${golden.name}, ${output}`, async (t) => {
        const { difference, sameTop, description } = await compare(t, golden, { output })
        assert.ok(difference <= maxDifference, `probabilities differ by ${difference}`)
        assert.ok(sameTop, 'the top 5 differ')
        assert.equal(description.precision, 'fp32')
        assert.deepEqual(
          [description.input.height, description.input.width],
          [golden.size, golden.size],
        )
        assert.equal(description.output.kind, output === 'logits' ? 'logits' : 'probabilities')
      })

      test(`${golden.name}, ${output}, converted, from the cache`, async (t) => {
        const cacheFolder = await tempFolder(t)
        for (const start of ['first', 'second']) {
          const { difference } = await compare(t, golden, { output, cacheFolder })
          assert.ok(difference <= maxDifference, `${start} start: differ by ${difference}`)
        }
      })

      test(`${golden.name}, ${output}, in bf16`, async (t) => {
        const { difference, precision, found, expected } = await compare(t, golden, {
          output,
          precision: 'auto',
        })
        if (precision !== 'bf16') return t.skip('needs a CPU with bf16')
        const best = (row: Float32Array) => row.indexOf(Math.max(...row))
        assert.deepEqual(found.map(best), expected.map(best))
        assert.ok(difference <= maxDifferenceBf16, `probabilities differ by ${difference}`)
        return t.diagnostic(`largest difference ${difference.toExponential(1)}`)
      })
    }
  }
})
