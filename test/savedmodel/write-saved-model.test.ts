import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Attribute, Graph, GraphNode, ValueRef } from '../../src/graph/graph.ts'
import { float32Tensor, int32Tensor, type Tensor } from '../../src/graph/tensor.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { readSignatures } from '../../src/savedmodel/signatures.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { constantOf, runInTensorFlow, withoutTensorFlow } from '../support/saved-models.ts'
import { tempFolder } from '../support/temp-folder.ts'

const float: Attribute = { kind: 'type', value: 'float32' }
const first = (node: string): ValueRef => ({ node, output: 0 })

function node(
  name: string,
  op: string,
  inputs: readonly (string | ValueRef)[] = [],
  attributes: GraphNode['attributes'] = {},
): GraphNode {
  const refs = inputs.map((input) => (typeof input === 'string' ? first(input) : input))
  return { name, op, inputs: refs, attributes }
}

function constant(name: string, value: Tensor): GraphNode {
  const dtype: Attribute = { kind: 'type', value: value.dtype }
  return node(name, 'Const', [], { dtype, value: { kind: 'tensor', value } })
}

/** uint8 images -> padded, normalised, convolved, pooled, halves swapped -> logits and probabilities. */
function smallGraph(weightsAt = 0): Graph {
  const shape = [-1, 8, 8, 3]
  const kernel = new Uint8Array(weightsAt + 4 * 27 * 4)
  const values = Float32Array.from({ length: 108 }, (_, i) => Math.sin(i))
  kernel.set(new Uint8Array(values.buffer), weightsAt)
  const strings = (value: string): Attribute => ({ kind: 'string', value })
  const ints = (...value: number[]): Attribute => ({ kind: 'ints', value })
  return {
    nodes: [
      node('images', 'Placeholder', [], {
        dtype: { kind: 'type', value: 'uint8' },
        shape: { kind: 'shape', value: shape },
      }),
      node('pixels', 'Cast', ['images'], { SrcT: { kind: 'type', value: 'uint8' }, DstT: float }),
      constant('mean', float32Tensor([3], Float32Array.of(100, 110, 120))),
      node('centred', 'Sub', ['pixels', 'mean'], { T: float }),
      constant('kernel', {
        dtype: 'float32',
        shape: [3, 3, 3, 4],
        bytes: kernel.subarray(weightsAt),
      }),
      node('conv', 'Conv2D', ['centred', 'kernel'], {
        T: float,
        strides: ints(1, 2, 2, 1),
        padding: strings('SAME'),
        data_format: strings('NHWC'),
        dilations: ints(1, 1, 1, 1),
      }),
      constant('bias', float32Tensor([4], Float32Array.of(1, 2, 3, 4))),
      node('biased', 'BiasAdd', ['conv', 'bias'], { T: float, data_format: strings('NHWC') }),
      node('relu', 'Relu', ['biased'], { T: float }),
      constant('axes', int32Tensor([2], [1, 2])),
      node('mean_of_image', 'Mean', ['relu', 'axes'], {
        T: float,
        Tidx: { kind: 'type', value: 'int32' },
        keep_dims: { kind: 'bool', value: false },
      }),
      constant('axis', int32Tensor([], [1])),
      node('halves', 'Split', ['axis', 'mean_of_image'], {
        T: float,
        num_split: { kind: 'int', value: 2 },
      }),
      node('logits', 'ConcatV2', [{ node: 'halves', output: 1 }, 'halves', 'axis'], {
        T: float,
        Tidx: { kind: 'type', value: 'int32' },
        N: { kind: 'int', value: 2 },
      }),
      node('probabilities', 'Softmax', ['logits'], { T: float }),
    ],
    inputs: [{ name: 'images', node: 'images', dtype: 'uint8', shape }],
    outputs: ['logits', 'probabilities'].map((name) => {
      return { name, value: first(name), dtype: 'float32', shape: [-1, 4] }
    }),
  }
}

const byName = (graph: Graph) => new Map(graph.nodes.map((node) => [node.name, node]))

test('what is written is read back the same', async (t) => {
  const folder = join(await tempFolder(t), '1')
  const graph = smallGraph()
  await writeSavedModel(folder, graph)
  const read = await readSavedModel(folder)
  assert.deepEqual(read.inputs, graph.inputs)
  assert.deepEqual(read.outputs, graph.outputs)
  const found = byName(read)
  assert.equal(found.size, graph.nodes.length)
  for (const node of graph.nodes) {
    assert.deepEqual(found.get(node.name), node)
  }
})

test('the signature is serving_default for prediction', async (t) => {
  const folder = join(await tempFolder(t), '1')
  await writeSavedModel(folder, smallGraph())
  const { signatures } = await readSignatures(folder)
  assert.deepEqual(
    signatures.map(({ name, method, inputs, outputs }) => [
      name,
      method,
      inputs.map((input) => input.tensor),
      outputs.map((output) => output.tensor),
    ]),
    [
      [
        'serving_default',
        'tensorflow/serving/predict',
        ['images:0'],
        ['logits:0', 'probabilities:0'],
      ],
    ],
  )
})

test('weights at an odd place in a larger file are written as they are', async (t) => {
  const folder = join(await tempFolder(t), '1')
  await writeSavedModel(folder, smallGraph(13))
  const kernel = byName(await readSavedModel(folder)).get('kernel')
  assert.deepEqual(constantOf(kernel).bytes, constantOf(byName(smallGraph()).get('kernel')).bytes)
})

test('a model that is there is replaced whole, and nothing else is left', async (t) => {
  const parent = await tempFolder(t)
  const folder = join(parent, '1')
  await mkdir(join(folder, 'variables'), { recursive: true })
  await writeFile(join(folder, 'saved_model.pb'), 'an older model')
  await writeSavedModel(folder, smallGraph())
  assert.deepEqual(await readdir(parent), ['1'])
  assert.deepEqual(await readdir(folder), ['saved_model.pb'])
})

test('a model that cannot be put in its place leaves nothing behind', async (t) => {
  const parent = await tempFolder(t, { file: 'no folder' })
  await assert.rejects(writeSavedModel(join(parent, 'file', '1'), smallGraph()))
  assert.deepEqual(await readdir(parent), ['file'])
})

test('TensorFlow loads it in both ways, with equal answers', {
  skip: withoutTensorFlow,
}, async (t) => {
  const folder = join(await tempFolder(t), '1')
  await writeSavedModel(folder, smallGraph())
  const [session, functions] = await runInTensorFlow({ folder, session: true }, { folder })
  assert.deepEqual(functions, session)
  assert.deepEqual(session?.logits?.shape, [2, 4])
  const row = session?.probabilities?.values.slice(0, 4) ?? []
  assert.ok(Math.abs(row.reduce((sum, p) => sum + p, 0) - 1) < 1e-6)
})
