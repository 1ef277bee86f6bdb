// Element types of signatures: the binding makes and reads tensors of few, the graph casts the others.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { loadRequest, somePixels } from '../support/tensorflow.ts'
import {
  assertClose,
  cropSize,
  needsEngine,
  plainFloats,
  refuses,
  withModel,
} from '../support/tensorflow-models.ts'

test('graphs of wider integers get the pixels as they are', needsEngine, async () => {
  const pixels = somePixels(3 * cropSize)
  const expected = await withModel('uint8', {}, (model) => model.run(pixels, 3))
  for (const name of ['int32', 'int64', 'uint16', 'int16', 'uint32', 'uint64']) {
    const scores = await withModel(name, {}, (model) => {
      assert.equal(model.description.input.dtype, 'uint8', 'runs take bytes')
      return model.run(pixels, 3)
    })
    assertClose(scores, expected)
  }
})

test('graphs of other floats are given float32, cast in the graph', needsEngine, async () => {
  const pixels = somePixels(2 * cropSize)
  const expected = await withModel('uint8', {}, (model) => model.run(pixels, 2))
  // How far a pixel of 0..1 may be from what the type holds, and a probability with it.
  const tolerances = { float64: 1e-5, float16: 1e-3, bfloat16: 1e-2 }
  for (const [name, tolerance] of Object.entries(tolerances)) {
    await withModel(name, { normalization: plainFloats }, async (model) => {
      assert.equal(model.description.input.dtype, 'float32', 'runs give floats')
      assertClose(await model.run(pixels, 2), expected, tolerance)
    })
  }
})

test('scores of other floats are read as float32', needsEngine, async () => {
  const pixels = somePixels(2 * cropSize)
  for (const output of ['probabilities', 'logits']) {
    const run = (name: string) => withModel(name, { output }, (model) => model.run(pixels, 2))
    assertClose(await run('half-scores'), await run('uint8'), 1e-3)
  }
})

test(
  'a checkpoint beside a graph with halves at both ends is found, and nothing is left in the temporary folder',
  needsEngine,
  async (t) => {
    const ownTemporary = await tempFolder(t)
    const { TMPDIR: before } = process.env
    t.after(() => {
      if (before === undefined) delete process.env.TMPDIR
      else process.env.TMPDIR = before
    })
    process.env.TMPDIR = ownTemporary
    const pixels = somePixels(2 * cropSize)
    const expected = await withModel('uint8', {}, (model) => model.run(pixels, 2))
    const request = { normalization: plainFloats }
    const found = await withModel('half-ends-variables', request, async (model) => {
      assert.deepEqual(await readdir(ownTemporary), [], 'it is gone as soon as the model is loaded')
      return model.run(pixels, 2)
    })
    assertClose(found, expected, 2e-3)
  },
)

const wide = 8 * 9 * 3

/** The pixels of 8x9 pictures without their last column, which the graph cuts off: 8x8. */
function narrowed(pixels: Uint8Array): Uint8Array {
  const rows = Array.from({ length: pixels.length / 27 }, (_, row) => row * 27)
  return Uint8Array.from(rows.flatMap((at) => [...pixels.subarray(at, at + 24)]))
}

for (const engine of [tensorflowEngine, onnxruntimeEngine]) {
  test(`images go to ${engine.name} with their channels first where the graph takes them so`, {
    ...needsEngine,
    skip: engine.name === 'tensorflow' && needsEngine.skip,
  }, async () => {
    const pixels = somePixels(3 * wide)
    const run = async (name: string, crops: Uint8Array) => {
      const request = { normalization: plainFloats }
      const model = await engine.load(loadRequest(name, request))
      const scores = await model.run(crops, 3)
      await model.close()
      return { scores, input: model.description.input }
    }
    const expected = await run('uint8', narrowed(pixels))
    for (const name of ['channels-first', 'channels-first-uint8']) {
      const found = await run(name, pixels)
      assert.deepEqual([found.input.height, found.input.width], [8, 9])
      assertClose(found.scores, expected.scores)
    }
  })
}

test('what the service cannot feed or read is refused in words', needsEngine, async () => {
  await refuses(
    loadRequest('bool'),
    'unsupported',
    /images is bool \[\?, 8, 8, 3\].*integers or floats/,
  )
  await refuses(
    loadRequest('text-input'),
    'unsupported',
    /image_bytes is string \[\?\]: it takes encoded images .* export a signature that takes pixels/,
  )
  const request = loadRequest('half-ends-variables', { output: 'best' })
  await refuses(request, 'unsupported', /output best is uint16 .*scores are floats/)
})
