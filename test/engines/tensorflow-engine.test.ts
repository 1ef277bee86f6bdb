import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { findInstallation } from '../../src/engines/tensorflow/installation.ts'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'
import { ModelError } from '../../src/errors.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { exportsFolder, loadRequest, somePixels } from '../support/tensorflow.ts'
import {
  assertClose,
  classes,
  cropSize,
  needsEngine,
  plainFloats,
  refuses,
  withModel,
} from '../support/tensorflow-models.ts'

function softmax(logits: Float32Array): number[] {
  const powers = [...logits].map((logit) => Math.exp(logit - Math.max(...logits)))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

test('where nothing is set up, the probe says which command does it', async (t) => {
  const before = process.env.ENGINES_FOLDER
  t.after(() => {
    if (before === undefined) delete process.env.ENGINES_FOLDER
    else process.env.ENGINES_FOLDER = before
  })
  process.env.ENGINES_FOLDER = await tempFolder(t)
  const availability = await tensorflowEngine.probe()
  assert.equal(availability.available, false)
  assert.match(availability.available ? '' : availability.reason, /npm run setup:tensorflow/)
})

test('an interrupted setup counts as none', async (t) => {
  const folder = await tempFolder(t, {
    'tensorflow/2.99.0.partial-x/deps/lib/libtensorflow_cc.so.2': '',
    'tensorflow/2.98.0/manifest.json': '{"version":"2.98.0"}',
  })
  assert.equal(await findInstallation({ ENGINES_FOLDER: folder }), null)
})

test('the newest of several versions is taken', async (t) => {
  const manifest = (version: string, wheel: string) =>
    JSON.stringify({ version, wheel: { filename: `${wheel}-${version}-cp311-cp311-m_x86_64.whl` } })
  const folder = await tempFolder(t, {
    'tensorflow/2.9.0/manifest.json': manifest('2.9.0', 'tensorflow_cpu'),
    'tensorflow/2.9.0/lib/napi-v8/tfjs_binding.node': '',
    'tensorflow/2.10.0/manifest.json': manifest('2.10.0', 'tensorflow'),
    'tensorflow/2.10.0/lib/napi-v8/tfjs_binding.node': '',
  })
  const found = await findInstallation({ ENGINES_FOLDER: folder })
  assert.deepEqual([found?.version, found?.cuda], ['2.10.0', true])
})

test('the probe names the version that then runs, and the processor', needsEngine, async () => {
  const availability = await tensorflowEngine.probe()
  assert.ok(availability.available)
  assert.ok(availability.devices.includes('cpu'))
  const version = await withModel('uint8', {}, async ({ description }) => description.engineVersion)
  assert.equal(version, availability.version)
})

test(
  'of several outputs probabilities are served, and others when asked for',
  needsEngine,
  async () => {
    const pixels = somePixels(3 * cropSize)
    const probabilities = await withModel('uint8', {}, (model) => {
      assert.deepEqual(model.description.output, {
        name: 'probabilities',
        kind: 'probabilities',
        classes,
      })
      assert.deepEqual(model.description.input, {
        name: 'images',
        dtype: 'uint8',
        height: 8,
        width: 8,
      })
      return model.run(pixels, 3)
    })
    const logits = await withModel('uint8', { output: 'logits' }, (model) => {
      assert.equal(model.description.output.kind, 'logits')
      return model.run(pixels, 3)
    })
    for (let at = 0; at < logits.length; at += classes) {
      assertClose(
        probabilities.subarray(at, at + classes),
        softmax(logits.subarray(at, at + classes)),
      )
    }
  },
)

test('an output whose name says nothing is told by what it gives', needsEngine, async () => {
  const kindOf = (model: string) =>
    withModel(model, {}, async ({ description }) => description.output.kind)
  assert.equal(await kindOf('float-unnamed-probabilities'), 'probabilities')
  assert.equal(await kindOf('float-unnamed-logits'), 'logits')
})

test('a float input is normalised a channel at a time', needsEngine, async () => {
  const pixels = somePixels(2 * cropSize)
  const run = (normalization: LoadRequest['normalization'], crops = pixels) =>
    withModel('float-unnamed-probabilities', { normalization }, (model) => model.run(crops, 2))
  // The uint8 export divides by 255 in its graph; here the engine does.
  const byGraph = await withModel('uint8', {}, (model) => model.run(pixels, 2))
  assertClose(await run(plainFloats), byGraph)
  // Half of each channel, and a shift of each by its own number of whole pixels.
  const shifts = [10, 20, 30] as const
  const doubled = pixels.map((pixel, at) => 2 * (pixel >> 2) + (shifts[at % 3] ?? 0))
  const halving = {
    rescale: 1 / 255,
    mean: [10 / 255, 20 / 255, 30 / 255],
    std: [2, 2, 2],
  } as const
  assertClose(
    await run(halving, doubled),
    await run(
      plainFloats,
      pixels.map((pixel) => pixel >> 2),
    ),
  )
})

test('a graph made for two images a run answers any number', needsEngine, async () => {
  const pixels = somePixels(3 * cropSize)
  const expected = await withModel('uint8', {}, (model) => model.run(pixels, 3))
  const found = await withModel('batch-of-two', {}, (model) => model.run(pixels, 3))
  assertClose(found, expected)
})

test(
  'a batch in the middle of a larger buffer is read from its own place',
  needsEngine,
  async () => {
    const buffer = somePixels(5 + 2 * cropSize)
    await withModel('uint8', {}, async (model) => {
      const view = await model.run(buffer.subarray(5), 2)
      const copy = await model.run(Uint8Array.from(buffer.subarray(5)), 2)
      assert.deepEqual(view, copy)
    })
  },
)

const memoryTest = { ...needsEngine, timeout: 300_000 }
const memoryWorker = fileURLToPath(
  new URL('../fixtures/tensorflow-memory-worker.js', import.meta.url),
)

test('10,000 runs leave no tensor and no memory behind', memoryTest, async () => {
  for (const name of ['uint8', 'float-unnamed-probabilities']) {
    const { stdout } = await promisify(execFile)(process.execPath, [
      memoryWorker,
      name,
      '5',
      '10000',
    ])
    const { tensors, grownBytes } = JSON.parse(stdout) as {
      tensors: number[][]
      grownBytes: number[]
    }
    for (const held of tensors) assert.deepEqual(held, tensors[0])
    // Allocators fill their arenas in the first two windows, and now and then later. A leak grows in
    // every one: of the input alone (768 bytes a run, 3 KB as floats) by 7 or 30 MB.
    const late = grownBytes.slice(2)
    assert.ok(Math.min(...late) < 2e6, `${name}: each 10,000 runs added ${grownBytes} bytes`)
  }
})

test('a closed model leaves no session behind, and loads again', needsEngine, async () => {
  const first = await withModel('uint8', {}, (model) => model.run(somePixels(cropSize), 1))
  const again = await withModel('uint8', {}, (model) => model.run(somePixels(cropSize), 1))
  assert.deepEqual(first, again)
})

test(
  'a Keras 3 model without its variables runs with them as constants, and says why',
  needsEngine,
  () =>
    withModel('keras3-saved', {}, async (model) => {
      assert.match(
        model.description.note ?? '',
        /made constants.*no value for its variable.*model\.export/,
      )
      const scores = await model.run(somePixels(cropSize), 1)
      assert.ok(Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-4)
    }),
)

test('two outputs without a telling name are refused by name', needsEngine, async () => {
  const request = loadRequest('two-unnamed-outputs')
  await refuses(request, 'unsupported', /a float32 \[\?, 10\], b float32 \[\?, 10\].*model\.json/)
  const kind = await withModel(
    request.model,
    { output: 'b' },
    async (m) => m.description.output.kind,
  )
  assert.equal(kind, 'probabilities')
  await refuses({ ...request, output: 'c' }, 'unsupported', /no output c/)
})

test('what is not there, or not a model, is refused with its place', needsEngine, async (t) => {
  await refuses(loadRequest('absent'), 'missing', /cannot read .*absent/)
  const folder = await tempFolder(t, { 'text/saved_model.pbtxt': '', 'none/model.onnx': '' })
  const of = (name: string) => loadRequest(name, { folder: join(folder, name) })
  await refuses(of('text'), 'unsupported', /text form.*binary/)
  await refuses(of('none'), 'missing', /no saved_model\.pb/)
})

test('a damaged model is refused, and the process lives on', needsEngine, async (t) => {
  const keras = join(exportsFolder, 'keras3-saved/1')
  const graph = await readFile(join(keras, 'saved_model.pb'))
  const folder = await tempFolder(t, {
    'short/saved_model.pb': graph.subarray(0, 2_000),
    'noise/saved_model.pb': somePixels(500),
    'empty/saved_model.pb': '',
    'unweighted/saved_model.pb': graph,
    'unweighted/variables/variables.index': somePixels(393),
    'unweighted/variables/variables.data-00000-of-00001': somePixels(100),
  })
  for (const name of ['short', 'noise', 'empty', 'unweighted']) {
    const load = tensorflowEngine.load(loadRequest(name, { folder: join(folder, name) }))
    await assert.rejects(load, ModelError, name)
  }
  assert.equal(
    (await withModel('uint8', {}, (m) => m.run(somePixels(cropSize), 1))).length,
    classes,
  )
})

test('devices and precisions that it does not have are refused', needsEngine, async () => {
  await refuses(loadRequest('uint8', { device: 'webgpu' }), 'unsupported', /cpu and cuda:N.*webgpu/)
  await refuses(loadRequest('uint8', { precision: 'int8' }), 'unsupported', /fp32, not in int8/)
})
