// Small TensorFlow graphs by hand, for tests of what reads them.
import type { DataType } from '../../src/graph/data-type.ts'
import type { Attribute, Graph, GraphNode, Shape, ValueRef } from '../../src/graph/graph.ts'
import { float32Tensor, int32Tensor, type Tensor } from '../../src/graph/tensor.ts'

export type Attributes = Record<string, Attribute>

/** Nodes in the order they are added; every method gives the node's first output. */
export interface GraphBuilder {
  constant(tensor: Tensor): ValueRef
  floats(shape: readonly number[], values?: readonly number[]): ValueRef
  ints(values: readonly number[]): ValueRef
  scalar(value: number): ValueRef
  node(op: string, inputs: readonly ValueRef[], attributes?: Attributes): ValueRef
  /** The graph with one image input and one output. */
  build(output: ValueRef, outputShape: Shape): Graph
  readonly image: ValueRef
}

export function createGraphBuilder(
  imageShape: readonly number[],
  dtype: DataType = 'float32',
): GraphBuilder {
  const nodes: GraphNode[] = [{ name: 'image', op: 'Placeholder', inputs: [], attributes: {} }]
  const builder: GraphBuilder = {
    image: { node: 'image', output: 0 },
    node(op, inputs, attributes = {}) {
      const name = `${op}_${nodes.length}`
      nodes.push({ name, op, inputs, attributes })
      return { node: name, output: 0 }
    },
    constant: (tensor) => builder.node('Const', [], { value: { kind: 'tensor', value: tensor } }),
    floats: (shape, values) => builder.constant(float32Tensor(shape, fill(shape, values))),
    ints: (values) => builder.constant(int32Tensor([values.length], values)),
    scalar: (value) => builder.constant(float32Tensor([], Float32Array.of(value))),
    build: (value, shape) => ({
      nodes,
      inputs: [{ name: 'images', node: 'image', dtype, shape: imageShape }],
      outputs: [{ name: 'scores', value, dtype: 'float32', shape }],
    }),
  }
  return builder
}

export const ints = (...value: number[]): Attribute => ({ kind: 'ints', value })
export const int = (value: number): Attribute => ({ kind: 'int', value })
export const float = (value: number): Attribute => ({ kind: 'float', value })
export const bool = (value: boolean): Attribute => ({ kind: 'bool', value })
export const text = (value: string): Attribute => ({ kind: 'string', value })
export const type = (value: DataType): Attribute => ({ kind: 'type', value })

/** The given values, or a fixed sequence between -0.5 and 0.5 that repeats nowhere near. */
function fill(shape: readonly number[], values?: readonly number[]): Float32Array {
  if (values !== undefined) return Float32Array.from(values)
  const length = shape.reduce((product, size) => product * size, 1)
  return Float32Array.from({ length }, (_, i) => ((i * 0.618034 + length * 0.37) % 1) - 0.5)
}
