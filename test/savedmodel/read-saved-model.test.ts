import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Graph, GraphNode } from '../../src/graph/graph.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { readSignatures } from '../../src/savedmodel/signatures.ts'
import { checkCheckpoint } from '../../src/savedmodel/tensor-bundle.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import {
  constantOf,
  countOperators,
  fixture,
  goldenFolder,
  type Job,
  largestDifference,
  numbersOf,
  runInTensorFlow,
  withoutGolden,
  withoutTensorFlow,
} from '../support/saved-models.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { exportsFolder } from '../support/tensorflow.ts'

const countingFrom = (start: number, count: number) =>
  Array.from({ length: count }, (_, i) => start + i)

/** The node whose first output is the `index`-th input of `node`. */
function inputOf(graph: Graph, node: GraphNode | undefined, index: number): GraphNode | undefined {
  return graph.nodes.find(({ name }) => name === node?.inputs[index]?.node)
}

function nodesOf(graph: Graph, op: string): readonly GraphNode[] {
  return graph.nodes.filter((node) => node.op === op)
}

test('functions are inlined three deep, a function called twice stands there twice', async () => {
  const graph = await readSavedModel(fixture('functions'))
  assert.deepEqual(countOperators(graph), {
    Placeholder: 1,
    Const: 18,
    Conv2D: 1,
    FusedBatchNormV3: 2,
    Split: 2,
    ConcatV2: 2,
    AddV2: 3,
    Mean: 1,
    Cast: 5,
    AddN: 1,
    Softmax: 1,
  })
  const names = new Set(graph.nodes.map(({ name }) => name))
  assert.equal(names.size, graph.nodes.length)
})

test('a node stands after every node that it reads', async () => {
  const graph = await readSavedModel(fixture('functions'))
  const seen = new Set<string>()
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      assert.ok(seen.has(input.node), `${node.name} reads ${input.node}`)
    }
    seen.add(node.name)
  }
})

test('second and later outputs of an operator are found by the name of the output', async () => {
  const graph = await readSavedModel(fixture('functions'))
  const concat = nodesOf(graph, 'ConcatV2')[0]
  assert.deepEqual(
    concat?.inputs.slice(0, 2).map(({ output }) => output),
    [1, 0], // split:output:1 stands before split:output:0
  )
  const sum = nodesOf(graph, 'AddV2').find((node) => inputOf(graph, node, 0) === concat)
  assert.equal(inputOf(graph, sum, 1)?.op, 'FusedBatchNormV3')
  assert.equal(sum?.inputs[1]?.output, 1) // batch_mean
})

test('variables of every element type are filled from the checkpoint', async () => {
  const graph = await readSavedModel(fixture('functions'))
  const constants = new Map(
    nodesOf(graph, 'Const').map((node) => [node.name, constantOf(node)] as const),
  )
  const found = (name: string) => {
    const tensor = constants.get(name)
    return tensor && [tensor.dtype, numbersOf(tensor)]
  }
  assert.deepEqual(found('kernel'), ['float32', countingFrom(10, 12)])
  assert.deepEqual(found('half'), ['float16', countingFrom(20, 4)])
  assert.deepEqual(found('brain'), ['bfloat16', countingFrom(30, 4)])
  assert.deepEqual(found('integers'), ['int64', countingFrom(40, 4)])
  assert.deepEqual(found('small'), ['uint8', countingFrom(50, 4)])
  assert.deepEqual(found('flags'), ['bool', [1, 0, 1, 1]])
})

test('a constant with fewer values than elements repeats the last', async () => {
  const graph = await readSavedModel(fixture('functions'))
  const scale = inputOf(graph, nodesOf(graph, 'FusedBatchNormV3')[0], 1)
  assert.deepEqual(numbersOf(constantOf(scale)), [1, 1, 1, 1])
})

test('attributes that were left out have their default values', async () => {
  const graph = await readSavedModel(fixture('functions'))
  const { attributes } = nodesOf(graph, 'Conv2D')[0] as GraphNode
  assert.deepEqual(attributes.data_format, { kind: 'string', value: 'NHWC' })
  assert.deepEqual(attributes.dilations, { kind: 'ints', value: [1, 1, 1, 1] })
  assert.deepEqual(attributes.padding, { kind: 'string', value: 'SAME' })
  assert.deepEqual(attributes.T, { kind: 'type', value: 'float32' })
})

test('only the outputs asked for are read, with what they need', async () => {
  const graph = await readSavedModel(fixture('functions'), { outputs: ['logits'] })
  assert.deepEqual(
    graph.outputs.map(({ name }) => name),
    ['logits'],
  )
  assert.equal(nodesOf(graph, 'Softmax').length, 0)
  await assert.rejects(
    readSavedModel(fixture('functions'), { outputs: ['scores'] }),
    /signature serving_default has no outputs scores; it has logits, probabilities/,
  )
})

test('an output that no graph here can hold does not stand in the way of another', async () => {
  const folder = join(exportsFolder, 'names-beside/1')
  await assert.rejects(readSavedModel(folder), /constants of string are not supported/)
  const choose = (outputs: readonly { readonly name: string }[]) =>
    outputs.map(({ name }) => name).filter((name) => name !== 'name')
  const graph = await readSavedModel(folder, { outputs: choose })
  assert.deepEqual(
    graph.outputs.map(({ name }) => name),
    ['probabilities'],
  )
})

test('a variable that the graph picks from directly is a constant that it picks from', async () => {
  const folder = join(exportsFolder, 'names-beside/1')
  const graph = await readSavedModel(folder, { outputs: ['probabilities'] })
  const [pick] = nodesOf(graph, 'Gather')
  assert.deepEqual(inputOf(graph, pick, 0)?.attributes.dtype, { kind: 'type', value: 'float32' })
  assert.equal(nodesOf(graph, 'ResourceGather').length, 0)
})

test('reference variables and resource variables of TensorFlow 1 come from two data files', async () => {
  const graph = await readSavedModel(fixture('references'))
  const [second, first] = nodesOf(graph, 'MatMul').toReversed()
  assert.deepEqual(numbersOf(constantOf(inputOf(graph, first, 1))), countingFrom(100, 6))
  assert.deepEqual(numbersOf(constantOf(inputOf(graph, second, 1))), countingFrom(200, 9))
  const scale = inputOf(graph, nodesOf(graph, 'Mul')[0], 1) // a placeholder with a default
  assert.deepEqual(numbersOf(constantOf(scale)), [2])
})

test('variables of Keras 3 that only their twins restore are filled from the twins', async () => {
  const graph = await readSavedModel(fixture('twins'))
  const weights = inputOf(graph, nodesOf(graph, 'MatMul')[0], 1)
  const bias = inputOf(graph, nodesOf(graph, 'BiasAdd')[0], 1)
  assert.deepEqual(numbersOf(constantOf(weights)), countingFrom(300, 6))
  assert.deepEqual(numbersOf(constantOf(bias)), countingFrom(400, 2))
})

test('signatures are listed with names, types and shapes', async () => {
  assert.deepEqual(await readSignatures(fixture('functions')), {
    tensorflowVersion: '2.21.0',
    signatures: [
      {
        name: 'serving_default',
        method: 'tensorflow/serving/predict',
        inputs: [
          {
            name: 'images',
            tensor: 'serving_default_images:0',
            dtype: 'float32',
            shape: [-1, 4, 4, 3],
          },
        ],
        outputs: [
          { name: 'logits', tensor: 'StatefulPartitionedCall:0', dtype: 'float32', shape: [-1, 4] },
          {
            name: 'probabilities',
            tensor: 'StatefulPartitionedCall:1',
            dtype: 'float32',
            shape: [-1, 4],
          },
        ],
      },
    ],
  })
})

test('TensorFlow gives for what was read what it gives for the model itself', {
  skip: withoutTensorFlow,
}, async (t) => {
  const copies = await tempFolder(t)
  for (const name of ['functions', 'references'] as const) {
    const copy = join(copies, name)
    await writeSavedModel(copy, await readSavedModel(fixture(name)))
    const [expected, ...found] = await runInTensorFlow(
      { folder: fixture(name), session: true },
      { folder: copy, session: true },
      { folder: copy },
    )
    assert.deepEqual(found, [expected, expected], name)
  }
})

/** Facts of ../shared/golden: tensors in the checkpoint, operators that the signature needs. */
const golden = {
  'mobilenetv2-035-96': {
    tensors: 525,
    operators: { Conv2D: 35, DepthwiseConv2dNative: 17, Relu6: 35, Rsqrt: 52, MatMul: 1 },
  },
  'resnet34-quarter': { tensors: 365, operators: { Conv2D: 36, Rsqrt: 36, Relu: 33, MatMul: 1 } },
  'resnet34-quarter-frozen': {
    tensors: 0,
    operators: { Conv2D: 36, Rsqrt: 36, Relu: 33, MatMul: 1 },
  },
  'resnet34-quarter-tf1-variables': {
    tensors: 182,
    operators: { Conv2D: 36, Rsqrt: 36, Relu: 33, MatMul: 1 },
  },
  'resnet34-snippet-eighth': { tensors: 149, operators: { Conv2D: 36, Relu: 33, BiasAdd: 37 } },
  'resnet50-quarter': { tensors: 535, operators: { Conv2D: 53, Rsqrt: 53, Relu: 49, MatMul: 1 } },
  'resnet50-quarter-uint8': { tensors: 268, operators: { Conv2D: 53, Cast: 1, RealDiv: 2 } },
  'resnet50-snippet-eighth': { tensors: 217, operators: { Conv2D: 53, Relu: 49, BiasAdd: 54 } },
} as const

for (const [name, { tensors, operators }] of Object.entries(golden)) {
  const folder = join(goldenFolder, name, '1')

  test(`${name} is read: operators, inputs, outputs, checksums`, {
    skip: withoutGolden,
  }, async () => {
    const graph = await readSavedModel(folder)
    const size = name.endsWith('96') ? 96 : 224
    assert.equal(graph.inputs.length, 1)
    assert.deepEqual(graph.inputs[0]?.shape, [-1, size, size, 3])
    assert.equal(graph.inputs[0]?.dtype, name.endsWith('uint8') ? 'uint8' : 'float32')
    for (const output of graph.outputs) {
      assert.deepEqual(output.shape, [-1, 1000])
    }
    const counts = countOperators(graph)
    for (const [op, count] of Object.entries(operators)) {
      assert.equal(counts[op], count, op)
    }
    for (const op of ['Identity', 'NoOp', 'VarHandleOp', 'StatefulPartitionedCall']) {
      assert.equal(counts[op], undefined, op)
    }
    if (tensors > 0) {
      assert.equal((await checkCheckpoint(folder)).tensors, tensors)
    }
  })
}

test('TensorFlow gives for what was read from each golden model its reference outputs', {
  skip: withoutGolden || withoutTensorFlow,
}, async (t) => {
  const copies = await tempFolder(t)
  const graphs = new Map<string, Graph>()
  for (const name of Object.keys(golden)) {
    const graph = await readSavedModel(join(goldenFolder, name, '1'))
    await writeSavedModel(join(copies, name), graph)
    graphs.set(name, graph)
  }
  const jobs = [...graphs.keys()].map((name) => goldenJob(name, join(copies, name)))
  const results = await runInTensorFlow(...jobs)
  for (const [i, [name, graph]] of [...graphs].entries()) {
    for (const { name: output } of graph.outputs) {
      const found = results[i]?.[output]
      assert.ok(found !== undefined, `${name} ${output}`)
      const difference = largestDifference(found, referenceOf(name, output))
      t.diagnostic(`${name} ${output}: largest difference ${difference.toExponential(1)}`)
      // The bound of golden/README.md for probabilities; logits are about ten times as large.
      assert.ok(difference <= (output === 'logits' ? 1e-3 : 1e-4), `${name} ${output}`)
    }
  }
})

/** input.u8 and how float inputs of these models are normalised (golden/README.md). */
function goldenJob(name: string, folder: string): Job {
  const normalization = name.startsWith('mobilenet')
    ? { rescale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] }
    : { rescale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
  return { folder, session: true, pixels: join(goldenFolder, name, 'input.u8'), ...normalization }
}

function referenceOf(name: string, output: string) {
  const bytes = readFileSync(join(goldenFolder, name, `reference.${output}.f32`))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true))
  return { shape: [4, values.length / 4], values }
}
