import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { halfToNumber, toHalves } from '../../src/graph/half.ts'
import { float32Tensor } from '../../src/graph/tensor.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { encodeModel } from '../../src/onnx/encode.ts'
import { halveModel } from '../../src/onnx/halve.ts'
import { int, type OnnxModel } from '../../src/onnx/model.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { onnxNode } from '../support/onnx-node.ts'
import { smallCrops, smallModel } from '../support/small-model.ts'

test('numbers that float16 holds stay as they are; others become the nearest, ties to even', () => {
  for (let bits = 0; bits < 0x7c00; bits++) {
    const number = halfToNumber(bits)
    assert.deepEqual([...toHalves(Float32Array.of(number, -number))], [bits, bits | 0x8000])
  }
  const step = 2 ** -10
  const near = Float32Array.of(1 + step * 0.49, 1 + step * 0.5, 1 + step * 1.5, 1 + step * 0.51)
  assert.deepEqual([...toHalves(near)].map(halfToNumber), [1, 1, 1 + 2 * step, 1 + step])
  const tiny = Float32Array.of(2 ** -25, 2 ** -24 * 1.5, 2 ** -26)
  assert.deepEqual([...toHalves(tiny)], [0, 2, 0])
})

test('numbers beyond float16 become its largest, not infinite; what is no number stays none', () => {
  const [large, small, none] = toHalves(Float32Array.of(1e6, -Infinity, Number.NaN))
  assert.equal(halfToNumber(large as number), 65504)
  assert.equal(halfToNumber(small as number), -65504)
  assert.ok(Number.isNaN(halfToNumber(none as number)))
})

const model: OnnxModel = {
  name: 'tiny',
  nodes: [
    onnxNode('Mul', ['image', 'scale'], 'scaled'),
    onnxNode('Conv', ['scaled', 'weights'], 'conv'),
    onnxNode('Relu', ['conv'], 'relu'),
    onnxNode('GlobalAveragePool', ['relu'], 'pooled'),
    onnxNode('Shape', ['relu'], 'shape'),
    onnxNode('Softmax', ['pooled'], 'scores'),
  ],
  initializers: new Map([
    ['scale', float32Tensor([1], Float32Array.of(0.5))],
    ['weights', float32Tensor([1, 3, 1, 1], Float32Array.of(1, 2, 3))],
  ]),
  input: { name: 'image', dtype: 'float32', shape: ['batch', 3, 4, 4] },
  output: { name: 'scores', dtype: 'float32', shape: ['batch', 1, 1, 1] },
}

test('convolutions and what follows them are halved; what comes before, means and scores are not', () => {
  const { nodes, initializers } = halveModel(model)
  assert.deepEqual(
    nodes.map(({ op, inputs, outputs }) => `${op} ${inputs} > ${outputs}`),
    [
      'Mul image,scale > scaled',
      'Cast scaled > scaled/float16',
      'Conv scaled/float16,weights/float16 > conv/float16',
      'Relu conv/float16 > relu/float16',
      'Cast relu/float16 > relu',
      'GlobalAveragePool relu > pooled',
      'Shape relu > shape',
      'Softmax pooled > scores',
    ],
  )
  assert.deepEqual([...initializers.keys()], ['scale', 'weights/float16'])
})

test('a product that becomes integers stays float32: float16 holds whole numbers to 2048 only', () => {
  const toIntegers = { ...onnxNode('Cast', ['flat'], 'sums'), attributes: { to: int(6) } }
  const nodes = [
    onnxNode('Conv', ['image', 'weights'], 'conv'),
    onnxNode('Flatten', ['conv'], 'flat'),
    toIntegers,
    { ...onnxNode('Cast', ['sums'], 'scores'), attributes: { to: int(1) } },
  ]
  assert.deepEqual(halveModel({ ...model, nodes }).nodes, nodes)
})

test('a network in float16 answers as in float32, within what ten bits of fraction give', async (t) => {
  const folder = await smallModel(t, 5)
  const { onnx } = convertGraph(await readSavedModel(folder), {
    ...{ model: 'small', output: null },
    inputStage: { scale: [1 / 255, 1 / 255, 1 / 255], offset: [0, 0, 0] },
  })
  const crops = smallCrops(4)
  const [, height = 0, width = 0] = onnx.input.shape.map(Number)
  const run = async (graph: OnnxModel) => {
    const session = await InferenceSession.create(encodeModel(graph))
    const pixels = new OrtTensor('uint8', crops, [4, height, width, 3])
    const { scores } = await session.run({ pixels })
    await session.release()
    return scores?.data as Float32Array
  }
  const exact = await run(onnx)
  const halved = await run(halveModel(onnx))
  const spread = Math.max(...exact) - Math.min(...exact)
  const worst = Math.max(...exact.map((score, at) => Math.abs(score - (halved[at] as number))))
  assert.ok(worst > 0, 'nothing was computed in float16')
  assert.ok(worst < 0.01 * spread, `${worst} of ${spread}`)
})
