// Dropout in graphs of TensorFlow 1, with the rate that its placeholder's default says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Graph, ValueRef } from '../../src/graph/graph.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import { createGraphBuilder, type GraphBuilder, type } from '../support/graph-builder.ts'

const inputStage = { scale: [1, 1, 1], offset: [0, 0, 0] } as const
const convert = (graph: Graph) => convertGraph(graph, { model: 'old', output: null, inputStage })

/** tf.random.uniform from 0 to 1. */
function randomOf(builder: GraphBuilder): ValueRef {
  const random = builder.node('RandomUniform', [builder.node('Shape', [builder.image])])
  const width = builder.node('Sub', [builder.scalar(1), builder.scalar(0)])
  return builder.node('Add', [builder.node('Mul', [random, width]), builder.scalar(0)])
}

/** The image times `kept`, and its mean. */
function graphOf(keptBy: (builder: GraphBuilder) => ValueRef): Graph {
  const builder = createGraphBuilder([-1, 4, 4, 3])
  const kept = builder.node('Mul', [builder.image, keptBy(builder)])
  const scores = builder.node('Mean', [kept, builder.ints([1, 2])])
  return builder.build(scores, [-1, 3])
}

/** Since TensorFlow 1.13: what is not below the rate is kept. */
const byRate = (keep: number) => (builder: GraphBuilder) => {
  const rate = builder.node('Sub', [builder.scalar(1), builder.scalar(keep)])
  const mask = builder.node('GreaterEqual', [randomOf(builder), rate])
  return builder.node('Cast', [mask], { DstT: type('float32') })
}

/** Before: the whole part of the probability and a random number. */
const bySum = (keep: number) => (builder: GraphBuilder) =>
  builder.node('Floor', [builder.node('Add', [builder.scalar(keep), randomOf(builder)])])

for (const [form, dropout] of Object.entries({ byRate, bySum })) {
  test(`a dropout that keeps everything is left out (${form})`, () => {
    const { report } = convert(graphOf(dropout(1)))
    assert.ok(!report.operators.includes('RandomUniform'), report.operators.join())
  })

  test(`a dropout that drops something is refused (${form})`, () => {
    assert.throws(() => convert(graphOf(dropout(0.5))), /\(RandomUniform\) makes random numbers/)
  })
}
