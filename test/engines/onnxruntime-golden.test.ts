// The onnxruntime engine on SavedModels that TensorFlow wrote, held against TensorFlow's answers.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { goldenMissing, goldenModels } from '../support/golden.ts'
import { compareProbabilities, rows } from '../support/probabilities.ts'
import { sessionRequest } from '../support/session-request.ts'

/** The bounds of ../shared/golden/README.md. */
const maxDifference = 1e-4

describe('TensorFlow models answer as in TensorFlow', { skip: goldenMissing }, () => {
  for (const { name, folder, normalization, pixels, size, answers } of goldenModels()) {
    for (const [output, answer] of answers) {
      test(`${name}, ${output}`, async () => {
        const request = sessionRequest({ model: name, folder, normalization, output })
        const model = await onnxruntimeEngine.load(request)
        try {
          const { input, output: served } = model.description
          assert.deepEqual([input.height, input.width, served.classes], [size, size, 1000])
          assert.equal(served.kind, output === 'logits' ? 'logits' : 'probabilities')
          const { difference, sameTop } = compareProbabilities(
            rows(await model.run(pixels, 4), served),
            rows(answer, served),
            maxDifference,
          )
          assert.ok(difference <= maxDifference, `probabilities differ by ${difference}`)
          assert.ok(sameTop, 'the top 5 differ')
        } finally {
          await model.close()
        }
      })
    }

    test(`${name} has no transpose but that of its input`, async () => {
      const graph = await readSavedModel(folder)
      const inputStage = { scale: [1, 1, 1], offset: [0, 0, 0] } as const
      const { report } = convertGraph(graph, { model: name, output: null, inputStage })
      assert.equal(report.transposes, 0)
    })
  }
})
