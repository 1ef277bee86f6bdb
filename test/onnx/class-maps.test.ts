import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import { classMapsOutput, withClassMaps } from '../../src/onnx/class-maps.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { createGraphBuilder } from '../support/graph-builder.ts'
import { smallClasses, smallCrops, smallModel } from '../support/small-model.ts'
import { smallSpec } from '../support/small-network.ts'

test('the mean of a class map over all places, plus the bias, is the logit of the class', async (t) => {
  const folder = await smallModel(t, 5)
  const run = async (output: string) => {
    const { model } = await loadWithPreferredEngine('onnxruntime', {
      ...{ model: 'small', folder, cacheFolder: null, device: 'cpu', precision: 'auto', output },
      normalization: { rescale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
      threads: 1,
      maxBatchSize: 1,
    })
    const scores = Float32Array.from(await model.run(smallCrops(1), 1))
    await model.close()
    return scores
  }
  const logits = await run('logits')
  const maps = await run(classMapsOutput)
  const network = describeNetwork(smallSpec('resnet34'))
  const { bytes } = importWeights(network, seededCheckpoint(network, 5)).classifier.bias
  const biases = new DataView(bytes.buffer, bytes.byteOffset)
  const places = maps.length / smallClasses
  assert.ok(Number.isInteger(places) && places >= 1)
  for (let index = 0; index < smallClasses; index++) {
    let sum = 0
    for (let place = 0; place < places; place++) sum += maps[place * smallClasses + index] as number
    const found = sum / places + biases.getFloat32(index * 4, true)
    const logit = logits[index] as number
    assert.ok(Math.abs(found - logit) < 1e-3 * Math.max(1, Math.abs(logit)), `${found} ${logit}`)
  }
})

test('a graph that does not end in pooling and one dense layer is refused in words', () => {
  const builder = createGraphBuilder([-1, 8, 8, 3])
  const graph = builder.build(builder.node('Relu', [builder.image]), [-1, 8, 8, 3])
  assert.throws(() => withClassMaps(graph, 'other'), {
    name: 'ModelError',
    kind: 'unsupported',
    message: /other: its outputs are not global average pooling/,
  })
})

test('scores that are the sum of two layers have no maps of one of them; a bias is no layer', () => {
  const maps = (isSum: boolean) => {
    const builder = createGraphBuilder([-1, 8, 8, 3])
    const pooled = builder.node('Mean', [builder.image, builder.ints([1, 2])])
    const layer = () => builder.node('MatMul', [pooled, builder.floats([3, 4])])
    const other = isSum ? layer() : builder.floats([4])
    return withClassMaps(builder.build(builder.node('AddV2', [layer(), other]), [-1, 4]), 'sum')
  }
  assert.equal(maps(false).outputs.at(-1)?.name, classMapsOutput)
  assert.throws(() => maps(true), { name: 'ModelError', kind: 'unsupported' })
})
