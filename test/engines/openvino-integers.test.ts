// Integers on OpenVINO, whose own operators end at the bounds of small types: the conversion makes them
// keep their lowest bits there too. And what else its operators do otherwise: quotients, equals, LRN. The cases are TensorFlow's (test/fixtures/operators/make.py).
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { loadWithOpenvino, openvinoMissing } from '../support/openvino.ts'
import { casePixels, operatorCases } from '../support/operator-cases.ts'
import { tempFolder } from '../support/temp-folder.ts'

/** Pixels as make.py sees them: -2..2. */
const normalization = { rescale: 1 / 64, mean: [2, 2, 2], std: [1, 1, 1] } as const

const ofIntegers =
  /lowest bits|bytes multiplied|more bytes than|integers divided|rests of|equals ranked|LRN/

describe('the openvino engine', { skip: openvinoMissing }, () => {
  for (const { name, graph, answer } of operatorCases.filter((one) => ofIntegers.test(one.name))) {
    test(`computes as TensorFlow does: ${name}`, async (t) => {
      const folder = await tempFolder(t)
      await writeSavedModel(folder, graph)
      const cacheFolder = join(folder, 'cache')
      const model = await loadWithOpenvino(t, { folder, cacheFolder, normalization })
      assert.equal(model.description.note, undefined)
      const found = await model.run(casePixels, 2)
      const worst = Math.max(...answer.map((value, i) => Math.abs(value - (found[i] as number))))
      assert.ok(worst < 1e-3, `differs by ${worst}`)
    })
  }
})
