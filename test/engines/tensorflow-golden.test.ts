// The tensorflow engine against the answers that TensorFlow gave where the models were made.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'
import { goldenFolder, imagenet, loadRequest, withoutGolden } from '../support/tensorflow.ts'

const maxDifference = 1e-4
const images = 4
const centred = { rescale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] } as const
const models = withoutGolden
  ? ['(none)']
  : readdirSync(goldenFolder).filter((name) => !name.includes('.'))

for (const name of models) {
  const options = { skip: withoutGolden, timeout: 120_000 }
  test(`${name} gives TensorFlow's own answers`, options, async () => {
    const folder = join(goldenFolder, name)
    const model = await tensorflowEngine.load(
      loadRequest(name, {
        folder: join(folder, '1'),
        normalization: name.startsWith('mobilenet') ? centred : imagenet,
        threads: 2,
      }),
    )
    try {
      const { output } = model.description
      assert.equal(output.kind, 'probabilities')
      const pixels = readFileSync(join(folder, 'input.u8'))
      const expected = readFloats(join(folder, `reference.${output.name}.f32`))
      const together = await model.run(pixels, images)
      assertScores(together, expected, output.classes)

      const cropSize = pixels.length / images
      const alone = await model.run(pixels.subarray(cropSize, 2 * cropSize), 1)
      assertScores(alone, expected.subarray(output.classes, 2 * output.classes), output.classes)
    } finally {
      await model.close()
    }
  })
}

function readFloats(path: string): Float32Array {
  const bytes = readFileSync(path)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

function assertScores(found: Float32Array, expected: Float32Array, classes: number): void {
  assert.equal(found.length, expected.length)
  const difference = found.reduce(
    (most, score, at) => Math.max(most, Math.abs(score - (expected[at] ?? Number.NaN))),
    0,
  )
  assert.ok(difference <= maxDifference, `largest difference ${difference}`)
  for (let at = 0; at < found.length; at += classes) {
    assertTopFive(found.subarray(at, at + classes), expected.subarray(at, at + classes))
  }
}

/** The same order, wherever TensorFlow's neighbours differ by more than the tolerance. */
function assertTopFive(found: Float32Array, expected: Float32Array): void {
  const order = [...expected.keys()].sort((a, b) => (expected[b] ?? 0) - (expected[a] ?? 0))
  for (const [place, index] of order.slice(0, 5).entries()) {
    const next = order[place + 1] ?? index
    if ((expected[index] ?? 0) - (expected[next] ?? 0) <= maxDifference) continue
    assert.ok((found[index] ?? 0) > (found[next] ?? 0), `place ${place + 1} differs`)
  }
}
