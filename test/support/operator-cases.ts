// The cases of test/fixtures/operators: TensorFlow's own graphs of single operators and its answers.
import { readFileSync } from 'node:fs'
import type { DataType } from '../../src/graph/data-type.ts'
import type { Attribute, Graph, GraphNode, ValueRef } from '../../src/graph/graph.ts'
import { float32Values, type Tensor } from '../../src/graph/tensor.ts'

interface PackedTensor {
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly bytes: string
}

type PackedAttribute =
  | Exclude<Attribute, { kind: 'tensor' }>
  | { readonly kind: 'tensor'; readonly value: PackedTensor }

interface PackedCase {
  readonly name: string
  readonly nodes: readonly {
    readonly name: string
    readonly op: string
    readonly inputs: readonly ValueRef[]
    readonly attributes: Readonly<Record<string, PackedAttribute>>
  }[]
  readonly input: string
  readonly output: ValueRef
  readonly shape: readonly number[]
  readonly answer: PackedTensor
}

export interface OperatorCase {
  readonly name: string
  /** With its output flattened to [-1, values]. */
  readonly graph: Graph
  /** TensorFlow's answer, float32 [2, values]. */
  readonly answer: Float32Array
}

interface CaseFile {
  readonly height: number
  readonly width: number
  readonly cases: readonly PackedCase[]
}

// Compiled, this file lies in dist/test/support/.
const path = new URL('../../../test/fixtures/operators/cases.json', import.meta.url)
const file: CaseFile = JSON.parse(readFileSync(path, 'utf8'))

/** Pixels of both images, uint8 [2, height, width, 3], as make.py has them. */
export const casePixels = Uint8Array.from(
  { length: 2 * file.height * file.width * 3 },
  (_, i) => (i * 97) % 256,
)

export const operatorCases: readonly OperatorCase[] = file.cases.map((packed) => ({
  name: packed.name,
  graph: flattened(packed),
  answer: float32Values(unpackTensor(packed.answer)),
}))

/** The case's graph and a reshape of its output behind it. */
function flattened(packed: PackedCase): Graph {
  const nodes = packed.nodes.map(unpackNode)
  const values = packed.answer.shape[1] as number
  const shape = { dtype: 'int32', shape: [2], bytes: int32Bytes([-1, values]) } as const
  nodes.push(
    {
      name: 'flat/shape',
      op: 'Const',
      inputs: [],
      attributes: { value: { kind: 'tensor', value: shape } },
    },
    {
      name: 'flat',
      op: 'Reshape',
      inputs: [packed.output, { node: 'flat/shape', output: 0 }],
      attributes: {},
    },
  )
  return {
    nodes,
    inputs: [
      { name: 'x', node: packed.input, dtype: 'float32', shape: [-1, file.height, file.width, 3] },
    ],
    outputs: [
      { name: 'y', value: { node: 'flat', output: 0 }, dtype: 'float32', shape: [-1, values] },
    ],
  }
}

function unpackNode(node: PackedCase['nodes'][number]): GraphNode {
  const attributes = Object.entries(node.attributes).map(
    ([name, attribute]): [string, Attribute] => [
      name,
      attribute.kind === 'tensor'
        ? { kind: 'tensor', value: unpackTensor(attribute.value) }
        : attribute,
    ],
  )
  return { ...node, attributes: Object.fromEntries(attributes) }
}

function unpackTensor({ dtype, shape, bytes }: PackedTensor): Tensor {
  return { dtype, shape, bytes: Uint8Array.from(Buffer.from(bytes, 'base64')) }
}

function int32Bytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer)
}
