// What a graph itself tells of its scores, so that a softmax is applied to logits only.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ValueRef } from '../../src/graph/graph.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { createGraphBuilder, type GraphBuilder, int } from '../support/graph-builder.ts'

const means = (builder: GraphBuilder) => builder.node('Mean', [builder.image, builder.ints([1, 2])])
const layer = (builder: GraphBuilder, classes: number) =>
  builder.node('MatMul', [means(builder), builder.floats([3, classes])])
const sigmoid = (builder: GraphBuilder) => builder.node('Sigmoid', [layer(builder, 1)])
const joined = (builder: GraphBuilder, heads: readonly ValueRef[]) => {
  const axis = builder.node('Squeeze', [builder.ints([1])])
  return builder.node('ConcatV2', [...heads, axis], { N: int(heads.length) })
}

/** [batch, 3] of the first three of four classes. */
const withoutLast = (builder: GraphBuilder, scores: ValueRef) =>
  builder.node(
    'StridedSlice',
    [scores, ...[builder.ints([0, 0]), builder.ints([0, 3]), builder.ints([1, 1])]],
    { begin_mask: int(1), end_mask: int(1) },
  )

const kinds: Record<string, [(builder: GraphBuilder) => ValueRef, string | null]> = {
  'sigmoids beside each other': [
    (builder) => joined(builder, [sigmoid(builder), sigmoid(builder), sigmoid(builder)]),
    'probabilities',
  ],
  'layers beside each other': [
    (builder) => joined(builder, [layer(builder, 1), layer(builder, 2)]),
    'logits',
  ],
  'a layer beside a sigmoid': [
    (builder) => joined(builder, [layer(builder, 2), sigmoid(builder)]),
    null,
  ],
  'a softmax without its last class': [
    (builder) => withoutLast(builder, builder.node('Softmax', [layer(builder, 4)])),
    'probabilities',
  ],
  'a layer without its last class': [
    (builder) => withoutLast(builder, layer(builder, 4)),
    'logits',
  ],
  'the mean of two sigmoids': [
    (builder) => {
      const sum = builder.node('AddV2', [sigmoid(builder), sigmoid(builder)])
      return joined(
        builder,
        [1, 2, 3].map(() => builder.node('Mul', [sum, builder.scalar(0.5)])),
      )
    },
    null,
  ],
}

function convert(scores: (builder: GraphBuilder) => ValueRef, name = 'scores') {
  const builder = createGraphBuilder([-1, 4, 4, 3])
  const graph = builder.build(scores(builder), [-1, 3])
  const outputs = graph.outputs.map((output) => ({ ...output, name }))
  const inputStage = { scale: [1, 1, 1], offset: [0, 0, 0] } as const
  return convertGraph({ ...graph, outputs }, { model: 'heads', output: null, inputStage })
}

for (const [what, [scores, kind]] of Object.entries(kinds)) {
  test(`${what}: ${kind ?? 'only a run tells'}`, () => {
    assert.equal(convert(scores).output.kind, kind)
  })
  test(`${what}, by a name that is the contract for it`, () => {
    for (const name of ['probabilities', 'logits']) {
      assert.equal(convert(scores, name).output.kind, name)
    }
  })
}
