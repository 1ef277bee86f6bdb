// What the converter does with graphs that nobody's TensorFlow wrote: it refuses them by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ModelError } from '../../src/errors.ts'
import type { Graph, ValueRef } from '../../src/graph/graph.ts'
import { convertGraph } from '../../src/onnx/convert.ts'
import {
  createGraphBuilder,
  type GraphBuilder,
  int,
  ints,
  text,
  type as typeAttribute,
} from '../support/graph-builder.ts'

const inputStage = { scale: [1, 1, 1], offset: [0, 0, 0] } as const
const convert = (graph: Graph) => convertGraph(graph, { model: 'odd', output: null, inputStage })

/** A graph whose scores are the channel means of what `layers` gives. */
function graphOf(layers: (builder: GraphBuilder) => ValueRef): Graph {
  const builder = createGraphBuilder([-1, 4, 4, 3])
  const scores = builder.node('Mean', [layers(builder), builder.ints([1, 2])])
  return builder.build(scores, [-1, 3])
}

function convolution(builder: GraphBuilder, biased: readonly number[]): ValueRef {
  const attributes = { strides: ints(1, 1, 1, 1), padding: text('SAME') }
  const kernel = builder.floats([1, 1, 3, 3])
  const layer = builder.node('Conv2D', [builder.image, kernel], attributes)
  return builder.node('BiasAdd', [layer, builder.floats([3], biased)])
}

for (const op of ['RealDiv', 'Sub', 'AddV2', 'Maximum', 'Relu', 'MatMul', 'ConcatV2', 'Softmax']) {
  test(`${op} without operands is refused by its name`, () => {
    const graph = graphOf((builder) => builder.node(op, []))
    assert.throws(
      () => convert(graph),
      (error) => {
        assert.ok(error instanceof ModelError, String(error))
        assert.equal(error.kind, 'unsupported')
        assert.match(error.message, new RegExp(`^model odd: node "${op}_\\d+" \\(${op}\\) `))
        return true
      },
    )
  })
}

test('a division after a convolution becomes part of its weights and bias', () => {
  const graph = graphOf((builder) =>
    builder.node('RealDiv', [convolution(builder, [1, 2, 3]), builder.scalar(2)]),
  )
  const { onnx, report } = convert(graph)
  assert.ok(onnx.nodes.some(({ op }) => op === 'Conv'))
  assert.ok(!onnx.nodes.some(({ op }) => op === 'Div'), 'no node is left for it')
  assert.equal(report.transposes, 0)
})

test('an operator outside the table names itself, its node and the model', () => {
  const graph = graphOf((builder) => builder.node('Betainc', [builder.image]))
  assert.throws(() => convert(graph), /model odd: node "Betainc_\d+" \(Betainc\) is an operator/)
})

test('an operator that makes random numbers says how to export a model without it', () => {
  for (const op of ['StatelessRandomGetKeyCounter', 'StatelessRandomUniformV2', 'RandomUniform']) {
    const graph = graphOf((builder) => builder.node(op, [builder.image]))
    const expected = new RegExp(`\\(${op}\\) makes random numbers.*training=False`)
    assert.throws(() => convert(graph), expected)
  }
})

/** The number of images as a float. */
function count(builder: GraphBuilder): ValueRef {
  const first = [builder.ints([0]), builder.ints([1]), builder.ints([1])]
  const shape = builder.node('Shape', [builder.image])
  const size = builder.node('StridedSlice', [shape, ...first], { shrink_axis_mask: int(1) })
  return builder.node('Cast', [size], { DstT: typeAttribute('float32') })
}

/** What an image's neighbours in a batch must not change, whatever the graph says. */
const acrossImages: Record<string, (builder: GraphBuilder) => ValueRef> = {
  'the first image of all': (builder) => {
    const ends = [builder.ints([0]), builder.ints([1]), builder.ints([1])]
    return builder.node('StridedSlice', [builder.image, ...ends])
  },
  'the number of images as an addend': (builder) =>
    builder.node('AddV2', [builder.image, count(builder)]),
  'the number of images as a factor': (builder) =>
    builder.node('Mul', [count(builder), builder.image]),
  'a softmax over the images': (builder) => {
    const turned = builder.node('Transpose', [builder.image, builder.ints([3, 1, 2, 0])])
    const soft = builder.node('Softmax', [turned])
    return builder.node('Transpose', [soft, builder.ints([3, 1, 2, 0])])
  },
  'rows that take a number from each image in turn': (builder) => {
    const flat = builder.node('Reshape', [builder.image, builder.ints([-1, 48])])
    const turned = builder.node('Transpose', [flat, builder.ints([1, 0])])
    return builder.node('Reshape', [turned, builder.ints([-1, 4, 4, 3])])
  },
  'the images behind themselves, then taken in pairs': (builder) => {
    const doubled = builder.node('ConcatV2', [builder.image, builder.image, builder.scalar(0)])
    return builder.node('Reshape', [doubled, builder.ints([-1, 4, 8, 3])])
  },
  'the images repeated as a whole, then taken in pairs': (builder) => {
    const doubled = builder.node('Tile', [builder.image, builder.ints([2, 1, 1, 1])])
    return builder.node('Reshape', [doubled, builder.ints([-1, 4, 8, 3])])
  },
  'products of images with each other': (builder) => {
    const flat = builder.node('Reshape', [builder.image, builder.ints([-1, 48])])
    const other = builder.node('Transpose', [flat, builder.ints([1, 0])])
    const alike = builder.node('MatMul', [flat, other])
    const mixed = builder.node('MatMul', [alike, flat])
    return builder.node('Reshape', [mixed, builder.ints([-1, 4, 4, 3])])
  },
}

for (const [what, layers] of Object.entries(acrossImages)) {
  test(`a graph with ${what} is converted for one image at a time`, () => {
    assert.equal(convert(graphOf(layers)).input.batch, 1)
  })
}

test('rows of parts of each image keep a graph in batches', () => {
  const graph = graphOf((builder) => {
    const parts = builder.node('Reshape', [builder.image, builder.ints([-1, 2, 3])])
    const doubled = builder.node('Tile', [parts, builder.ints([1, 2, 1])])
    return builder.node('Reshape', [doubled, builder.ints([-1, 4, 8, 3])])
  })
  assert.equal(convert(graph).input.batch, null)
})

test('rows that are no images are not served as if they were', () => {
  const builder = createGraphBuilder([-1, 4, 4, 3])
  const scores = builder.node('Reshape', [builder.image, builder.ints([-1, 16])])
  assert.throws(() => convert(builder.build(scores, [-1, 16])), /has shape \[3\*batch, 16\]/)
})

/** 2^40 numbers from a few. */
const huge: Record<string, (builder: GraphBuilder) => ValueRef> = {
  Fill: (builder) => builder.node('Fill', [builder.ints([2 ** 20, 2 ** 20]), builder.scalar(1)]),
  Tile: (builder) =>
    builder.node('Tile', [builder.floats([1, 1]), builder.ints([2 ** 20, 2 ** 20])]),
  Pad: (builder) => {
    const paddings = builder.node('Reshape', [
      builder.ints([2 ** 20, 0, 2 ** 20, 0]),
      builder.ints([2, 2]),
    ])
    return builder.node('Pad', [builder.floats([1, 1]), paddings])
  },
  Range: (builder) =>
    builder.node('Range', [builder.scalar(0), builder.scalar(2 ** 40), builder.scalar(1)]),
  MatrixDiagV3: (builder) => {
    const diagonal = builder.node('Tile', [builder.floats([1]), builder.ints([2 ** 20])])
    return builder.node('MatrixDiagV3', [diagonal])
  },
}

for (const [op, constant] of Object.entries(huge)) {
  test(`${op} is refused where it would make more numbers than any memory holds`, () => {
    const graph = graphOf((builder) => builder.node('Mul', [builder.image, constant(builder)]))
    assert.throws(
      () => convert(graph),
      new RegExp(`\\(${op}\\) computes a constant of the shape .* more than the 134217728`),
    )
  })
}

test('a product of constants that would take seconds is left to the engine', () => {
  const product = (builder: GraphBuilder, rows: number) => {
    const factors = [
      [rows, 2 ** 10],
      [2 ** 10, 2 ** 10],
    ].map((shape) => builder.node('Fill', [builder.ints(shape), builder.scalar(0.001)]))
    const sum = builder.node('Sum', [builder.node('MatMul', factors), builder.ints([0, 1])])
    return builder.node('Mul', [builder.image, sum])
  }
  const written = (rows: number) =>
    convert(graphOf((builder) => product(builder, rows))).onnx.nodes.map(({ op }) => op)
  assert.ok(!written(2).includes('Gemm'))
  assert.ok(written(2 ** 11).includes('Gemm'))
})

/** Of two results the first where more than `least` rows are there. */
function choice(builder: GraphBuilder, least: number, results: readonly ValueRef[]): ValueRef {
  const rows = builder.node('Gather', [builder.node('Shape', [builder.image]), builder.ints([1])])
  const condition = builder.node('Greater', [rows, builder.ints([least])])
  return builder.node('If', [condition, ...results])
}

test('of a conditional only the branch that the shape takes needs to be convertible', () => {
  const graphWith = (least: number) =>
    graphOf((builder) => {
      const odd = builder.node('Relu', [builder.node('Betainc', [builder.image])])
      return choice(builder, least, [builder.node('Tanh', [builder.image]), odd])
    })
  assert.ok(convert(graphWith(3)).onnx.nodes.some(({ op }) => op === 'Tanh'))
  assert.throws(() => convert(graphWith(4)), /\(Betainc\) is an operator/)
})

test('a conditional that the pixels decide is refused by its name', () => {
  const graph = graphOf((builder) => {
    const most = builder.node('Max', [builder.image, builder.ints([1, 2, 3])])
    const condition = builder.node('Greater', [most, builder.scalar(1)])
    return builder.node('If', [condition, builder.image, builder.image])
  })
  assert.throws(() => convert(graph), /\(If\) takes its condition from a value that is computed/)
})
