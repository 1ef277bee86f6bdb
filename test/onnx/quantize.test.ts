import assert from 'node:assert/strict'
import test from 'node:test'
import { float32Tensor, float32Values, type Tensor } from '../../src/graph/tensor.ts'
import type { OnnxModel } from '../../src/onnx/model.ts'
import { activationsOf, quantizeModel } from '../../src/onnx/quantize.ts'
import { onnxNode } from '../support/onnx-node.ts'

/** Two channels of very different size, a Relu, a second convolution and a last layer. */
const model: OnnxModel = {
  name: 'tiny',
  nodes: [
    onnxNode('Conv', ['image', 'w1', 'b1'], 'c1'),
    onnxNode('Relu', ['c1'], 'r1'),
    onnxNode('Conv', ['r1', 'w2'], 'c2'),
    onnxNode('Add', ['c2', 'r1'], 'sum'),
    onnxNode('Gemm', ['sum', 'w3'], 'scores'),
  ],
  initializers: new Map([
    ['w1', float32Tensor([2, 1, 1, 1], Float32Array.of(100, -0.5))],
    ['b1', float32Tensor([2], Float32Array.of(1, 2))],
    ['w2', float32Tensor([2, 2, 1, 1], Float32Array.of(1, 0, 0, 1))],
    ['w3', float32Tensor([2, 3], new Float32Array(6).fill(1))],
  ]),
  input: { name: 'image', dtype: 'uint8', shape: ['batch', 1, 1, 1] },
  output: { name: 'scores', dtype: 'float32', shape: ['batch', 3] },
}
const ranges = {
  image: { low: 0, high: 255 },
  r1: { low: 0, high: 25.5 },
  c2: { low: -10, high: 41 },
  sum: { low: 0, high: 51 },
}

test('activations are those that int8 nodes read, behind a Relu rather than before it', () => {
  assert.deepEqual([...activationsOf(model)].sort(), ['c2', 'image', 'r1', 'sum'])
})

test('each channel of weights has a scale of its own, and its largest weight is exact', () => {
  const { initializers } = quantizeModel(model, ranges)
  assert.deepEqual(initializers.get('c1/int8/weights')?.bytes, Uint8Array.of(127, 256 - 127))
  const scales = initializers.get('c1/int8/weights_scale') as Tensor
  const [first = 0, second = 0] = float32Values(scales)
  assert.ok(Math.abs(first * 127 - 100) < 1e-4 && Math.abs(second * 127 - 0.5) < 1e-6)
})

test('a range gives uint8 its scale and its zero, and zero is always a step', () => {
  const { initializers } = quantizeModel(model, ranges)
  assert.equal(initializers.get('c2/uint8/zero_point')?.bytes[0], 50) // 10 / (51 / 255)
  assert.equal(initializers.get('r1/uint8/zero_point')?.bytes[0], 0)
})

test('the last scores stay as they are', () => {
  const { nodes } = quantizeModel(model, ranges)
  assert.equal(nodes.at(-1)?.op, 'Gemm')
  assert.deepEqual(nodes.at(-1)?.outputs, ['scores'])
})

test('a range that is missing is named', () => {
  const { c2, ...others } = ranges
  assert.ok(c2)
  assert.throws(() => quantizeModel(model, others), /"c2" is not known/)
})
