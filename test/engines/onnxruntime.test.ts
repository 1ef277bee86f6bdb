// What the onnxruntime engine says of a model, and what it refuses.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { gpuSizes } from '../../src/engines/onnxruntime/session.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { createGraphBuilder } from '../support/graph-builder.ts'
import { sessionRequest } from '../support/session-request.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('it is available and says its version and the processor as a device', async () => {
  const availability = await onnxruntimeEngine.probe()
  assert.ok(availability.available)
  assert.match(availability.version, /^\d+\.\d+\.\d+/)
  assert.ok(availability.devices.includes('cpu'))
})

test('pixels are normalised a channel at a time', async (t) => {
  const normalization = { rescale: 0.1, mean: [1, 2, 3], std: [1, 2, 4] } as const
  const request = await saved(t, channelMeans(), { normalization })
  const model = await onnxruntimeEngine.load(request)
  t.after(() => model.close())
  assert.deepEqual(model.description, {
    engine: 'onnxruntime',
    engineVersion: model.description.engineVersion,
    device: 'cpu',
    precision: 'fp32',
    input: { name: 'images', dtype: 'float32', height: 2, width: 2 },
    output: { name: 'scores', kind: 'logits', classes: 3 },
  })
  const found = await model.run(Uint8Array.from(Array(4).fill([10, 60, 110]).flat()), 1)
  // (pixel * 0.1 - mean) / std
  for (const [i, expected] of [0, 2, 2].entries()) {
    assert.ok(Math.abs((found[i] as number) - expected) < 1e-6, `channel ${i}: ${found[i]}`)
  }
})

test('batches of any size come back in order', async (t) => {
  const model = await onnxruntimeEngine.load(await saved(t, channelMeans()))
  t.after(() => model.close())
  for (const count of [1, 5, 2, 8, 1]) {
    const pixels = Uint8Array.from({ length: count * 12 }, (_, i) => Math.floor(i / 12) * 10)
    const expected = Array.from({ length: count * 3 }, (_, i) => Math.floor(i / 3) * 10)
    assert.deepEqual(Array.from(await model.run(pixels, count)), expected)
  }
})

test('a model that takes only batches of four runs one, four and five images', async (t) => {
  const model = await onnxruntimeEngine.load(await saved(t, channelMeans(4)))
  t.after(() => model.close())
  for (const count of [1, 4, 5]) {
    const pixels = Uint8Array.from({ length: count * 12 }, (_, i) => Math.floor(i / 12) + 1)
    const expected = Array.from({ length: count * 3 }, (_, i) => Math.floor(i / 3) + 1)
    assert.deepEqual(Array.from(await model.run(pixels, count)), expected)
  }
})

test('on a GPU batches are run in a few sizes, up to the largest that may come', () => {
  assert.deepEqual(gpuSizes(1), [1])
  assert.deepEqual(gpuSizes(2), [1, 2])
  assert.deepEqual(gpuSizes(5), [1, 4, 5])
  assert.deepEqual(gpuSizes(32), [1, 4, 8, 16, 32])
  assert.deepEqual(gpuSizes(48), [1, 4, 8, 16, 32, 48])
})

test('pixels that are not as many as the images need are refused', async (t) => {
  const model = await onnxruntimeEngine.load(await saved(t, channelMeans()))
  t.after(() => model.close())
  await assert.rejects(model.run(new Uint8Array(11), 1), /1 crops of 2x2 are 12 bytes, found 11/)
})

test('a device that is not there is a ModelError, and the next load works', async (t) => {
  const request = await saved(t, channelMeans())
  await assert.rejects(onnxruntimeEngine.load({ ...request, device: 'tpu' }), {
    name: 'ModelError',
    kind: 'unsupported',
    message: /^model test: onnxruntime cannot run it on tpu: /,
  })
  await (await onnxruntimeEngine.load(request)).close()
})

test('a folder without a model is missing, not unsupported', async (t) => {
  const folder = await tempFolder(t)
  for (const cacheFolder of [null, join(folder, 'cache')]) {
    await assert.rejects(onnxruntimeEngine.load(sessionRequest({ folder, cacheFolder })), {
      name: 'ModelError',
      kind: 'missing',
    })
  }
})

/** The mean of each channel, [n, 3]. */
function channelMeans(batch = -1): Graph {
  const graph = createGraphBuilder([batch, 2, 2, 3])
  return graph.build(graph.node('Mean', [graph.image, graph.ints([1, 2])]), [batch, 3])
}

async function saved(
  t: TestContext,
  graph: Graph,
  changes: Partial<LoadRequest> = {},
): Promise<LoadRequest> {
  const folder = join(await tempFolder(t), '1')
  await writeSavedModel(folder, graph)
  return sessionRequest({ folder, ...changes })
}
