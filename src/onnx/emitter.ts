// Collects the nodes and initializers of the ONNX graph while the operators are converted.
import type { DataType } from '../graph/data-type.ts'
import type { Tensor } from '../graph/tensor.ts'
import type { Extents } from './extent.ts'
import { known, tensorFromKnown } from './known.ts'
import type { OnnxAttributes, OnnxNode } from './model.ts'
import { OperandError } from './operand-error.ts'
import { type AxisOrder, arrange } from './permutation.ts'
import type { Stored } from './value.ts'

/** What a node makes; `dtype` and `shape` are TensorFlow's, `order` says how it lies in memory. */
export interface Result {
  readonly dtype: DataType
  readonly shape: Extents
  readonly order: AxisOrder
}

/** A node to append; inputs are names of values, '' leaves an optional one out. */
export interface Emission {
  readonly inputs: readonly string[]
  readonly attributes?: OnnxAttributes
}

/** A shape can name the batch once (extent.ts): images against images would have it twice. */
function requireSizes(shape: Extents): void {
  if (shape.filter((size) => size < 0).length > 1) {
    throw new OperandError('computes across the images of a batch')
  }
  if (!shape.every(Number.isInteger)) throw new OperandError(`makes the shape [${shape}]`)
}

/**
 * Multiplications of constants that a conversion does itself, in a few seconds at most: the low-rank
 * adapters of a large vision transformer take a fifth of it.
 */
const maxConstantProducts = 2 ** 30

/** A growing ONNX graph. One lives as long as one conversion. */
export class Emitter {
  readonly nodes: OnnxNode[] = []
  readonly initializers = new Map<string, Tensor>()
  /** The shape of each value as it lies in memory. */
  readonly shapes = new Map<string, Extents>()
  #scope = ''
  #count = 0
  #productsLeft = maxConstantProducts

  /** Names that follow start with the TensorFlow node they come from. */
  enter(scope: string): void {
    this.#scope = scope
  }

  /** Whether so many multiplications of constants are worth this conversion's time; they count if so. */
  affords(products: number): boolean {
    if (products > this.#productsLeft) return false
    this.#productsLeft -= products
    return true
  }

  /** Appends a node with one output. */
  node(op: string, emission: Emission, result: Result): Stored {
    const [stored] = this.nodeOfMany(op, emission, [result])
    return stored as Stored
  }

  /** Appends a node with as many outputs as `results`. */
  nodeOfMany(op: string, emission: Emission, results: readonly Result[]): Stored[] {
    const { inputs, attributes = {} } = emission
    for (const { shape } of results) requireSizes(shape)
    const stored = results.map(
      ({ dtype, shape, order }): Stored => ({
        kind: 'stored',
        name: this.#freshName(op),
        dtype,
        shape,
        order,
      }),
    )
    for (const { name, shape, order } of stored) this.shapes.set(name, arrange(shape, order))
    const outputs = stored.map((value) => value.name)
    this.nodes.push({ name: outputs[0] as string, op, inputs, outputs, attributes })
    return stored
  }

  /** Adds a constant; gives its name. */
  constant(tensor: Tensor): string {
    const name = this.#freshName('const')
    this.initializers.set(name, tensor)
    return name
  }

  /** Adds an int64 vector, the form in which ONNX takes shapes, axes and pads. */
  integers(values: readonly number[]): string {
    return this.constant(tensorFromKnown(known('int64', [values.length], values)))
  }

  /** Adds a float32 scalar. */
  scalar(value: number): string {
    return this.constant(tensorFromKnown(known('float32', [], [value])))
  }

  #freshName(suffix: string): string {
    this.#count += 1
    return `${this.#scope}/${suffix}:${this.#count}`
  }
}
