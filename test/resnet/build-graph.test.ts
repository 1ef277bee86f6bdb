import assert from 'node:assert/strict'
import test from 'node:test'
import type { Graph, GraphNode } from '../../src/graph/graph.ts'
import { float32Values, type Tensor } from '../../src/graph/tensor.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { type BlockVariant, describeNetwork, type NetworkName } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { smallSpec } from '../support/small-network.ts'

function build(network: NetworkName, variant: BlockVariant): Graph {
  const spec = smallSpec(network, { variant })
  const described = describeNetwork(spec)
  return buildResNet(spec, importWeights(described, seededCheckpoint(described, 1)))
}

function nodeCalled(graph: Graph, name: string): GraphNode {
  const found = graph.nodes.find((node) => node.name === name)
  assert.ok(found, `no node ${name}`)
  return found
}

function count(graph: Graph, op: string): number {
  return graph.nodes.filter((node) => node.op === op).length
}

test('every node stands after the nodes it reads, under a name of its own', () => {
  const graph = build('resnet50', 'after-addition')
  const seen = new Set<string>()
  for (const { name, inputs } of graph.nodes) {
    for (const { node } of inputs) assert.ok(seen.has(node), `${name} reads ${node} before it`)
    assert.ok(!seen.has(name), `two nodes are called ${name}`)
    seen.add(name)
  }
})

test('bytes come in, logits and probabilities come out', () => {
  const { inputs, outputs } = build('resnet34', 'after-addition')
  assert.deepEqual(inputs, [
    { name: 'images', node: 'images', dtype: 'uint8', shape: [-1, 32, 32, 3] },
  ])
  assert.deepEqual(
    outputs.map(({ name, dtype, shape }) => [name, dtype, shape]),
    [
      ['logits', 'float32', [-1, 10]],
      ['probabilities', 'float32', [-1, 10]],
    ],
  )
})

test('normalisation is (pixel / 255 - mean) / std of each channel', () => {
  const graph = build('resnet34', 'after-addition')
  const values = (name: string): Float32Array =>
    float32Values((nodeCalled(graph, name).attributes.value as { value: Tensor }).value)
  const scale = values('normalize/scale')
  const offset = values('normalize/offset')
  for (const [channel, [mean, std]] of [
    [0.485, 0.229],
    [0.456, 0.224],
    [0.406, 0.225],
  ].entries() as Iterable<[number, [number, number]]>) {
    const normalized = 200 * (scale[channel] as number) - (offset[channel] as number)
    assert.ok(Math.abs(normalized - (200 / 255 - mean) / std) < 1e-6)
  }
})

test('the published form pads a strided convolution alike on every side', () => {
  const graph = build('resnet34', 'after-addition')
  for (const [name, padding] of [
    ['stem', 3],
    ['group2/block1/conv1', 1],
  ] as const) {
    const { attributes } = nodeCalled(graph, name)
    assert.deepEqual(attributes.padding, { kind: 'string', value: 'EXPLICIT' })
    assert.deepEqual(attributes.explicit_paddings, {
      kind: 'ints',
      value: [0, 0, padding, padding, padding, padding, 0, 0],
    })
  }
  assert.equal(nodeCalled(graph, 'pool').inputs[0]?.node, 'pool/pad')
})

test('the form without batch normalisation leaves padding to TensorFlow', () => {
  const graph = build('resnet50', 'before-addition')
  const paddings = graph.nodes
    .filter(({ op }) => op === 'Conv2D' || op === 'MaxPool')
    .map(({ attributes }) => (attributes.padding as { value: string }).value)
  assert.deepEqual([...new Set(paddings)], ['SAME'])
  assert.equal(count(graph, 'Pad'), 0)
})

for (const [network, variant, relus] of [
  // one a branch convolution but the last, one after each addition, one in the stem
  ['resnet34', 'after-addition', 16 + 16 + 1],
  ['resnet50', 'after-addition', 32 + 16 + 1],
  // one after each branch convolution, one in the stem
  ['resnet34', 'before-addition', 32 + 1],
  ['resnet50', 'before-addition', 48 + 1],
] as const) {
  test(`${network} ${variant} has ${relus} ReLUs and 16 additions`, () => {
    const graph = build(network, variant)
    assert.equal(count(graph, 'Relu'), relus)
    assert.equal(count(graph, 'AddV2'), 16)
    const sum = nodeCalled(graph, 'group1/block2/add')
    const readers = graph.nodes.filter((node) => node.inputs.some((x) => x.node === sum.name))
    assert.deepEqual(
      [...new Set(readers.map(({ op }) => op))],
      variant === 'after-addition' ? ['Relu'] : ['Conv2D', 'AddV2'],
    )
  })
}

test('batch normalisation is folded: only convolutions and biases are left', () => {
  const ops = new Set(build('resnet50', 'after-addition').nodes.map(({ op }) => op))
  const expected = ['Placeholder', 'Cast', 'Const', 'Mul', 'Sub', 'Conv2D', 'BiasAdd', 'Relu']
  const rest = ['Pad', 'MaxPool', 'AddV2', 'Mean', 'MatMul', 'Softmax']
  assert.deepEqual([...ops].sort(), [...expected, ...rest].sort())
})
