// One TensorFlow node during its conversion: its operands, its attributes, and where to write.
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import type { Attribute, GraphNode } from '../graph/graph.ts'
import type { Emitter } from './emitter.ts'
import { describeExtents } from './extent.ts'
import type { Known } from './known.ts'
import type { Value } from './value.ts'

/** Converts one node: gives the value of its output, or of each of its outputs. */
export type Operator = (operation: Operation) => Value | readonly Value[]

export class Operation {
  readonly node: GraphNode
  readonly emitter: Emitter
  readonly inputs: readonly Value[]
  readonly #model: string

  constructor(
    node: GraphNode,
    context: { emitter: Emitter; inputs: readonly Value[]; model: string },
  ) {
    this.node = node
    this.emitter = context.emitter
    this.inputs = context.inputs
    this.#model = context.model
  }

  /** The same node with other operands. */
  withInputs(inputs: readonly Value[]): Operation {
    return new Operation(this.node, { emitter: this.emitter, inputs, model: this.#model })
  }

  input(index: number): Value {
    const value = this.inputs[index]
    if (value === undefined) {
      return this.unsupported(`has ${this.inputs.length} inputs, expected at least ${index + 1}`)
    }
    return value
  }

  /** An operand that must be known at conversion, e.g. a kernel or the axes of a reduction. */
  constant(index: number, role: string): Known {
    const value = this.input(index)
    if (value.kind === 'known' && value.perBatch === undefined) return value
    return this.unsupported(`takes its ${role} from a value that is computed at run time`)
  }

  /** The elements of a constant integer operand. */
  integers(index: number, role: string): number[] {
    return Array.from(this.constant(index, role).elements)
  }

  int(name: string, fallback: number): number {
    return this.#attribute(name, 'int')?.value ?? fallback
  }

  float(name: string, fallback: number): number {
    return this.#attribute(name, 'float')?.value ?? fallback
  }

  bool(name: string, fallback: boolean): boolean {
    return this.#attribute(name, 'bool')?.value ?? fallback
  }

  text(name: string, fallback: string): string {
    return this.#attribute(name, 'string')?.value ?? fallback
  }

  ints(name: string, fallback: readonly number[]): readonly number[] {
    return this.#attribute(name, 'ints')?.value ?? fallback
  }

  type(name: string, fallback: DataType): DataType {
    return this.#attribute(name, 'type')?.value ?? fallback
  }

  /** The axis `axis` of a value of this rank; TensorFlow counts negative ones from the end. */
  axis(axis: number, rank: number): number {
    const positive = axis < 0 ? axis + rank : axis
    if (positive >= 0 && positive < rank) return positive
    return this.unsupported(`names axis ${axis} of a value of rank ${rank}`)
  }

  /** `reason` continues "node … (Op)", e.g. `has no constant kernel`. */
  unsupported(reason: string): never {
    const shapes = this.inputs.map((input) => describeExtents(input.shape)).join(', ')
    throw new ModelError(
      'unsupported',
      `model ${this.#model}: node "${this.node.name}" (${this.node.op}) ${reason}; inputs: ${shapes}.`,
    )
  }

  #attribute<Kind extends Attribute['kind']>(
    name: string,
    kind: Kind,
  ): Extract<Attribute, { kind: Kind }> | undefined {
    const attribute = this.node.attributes[name]
    return attribute?.kind === kind ? (attribute as Extract<Attribute, { kind: Kind }>) : undefined
  }
}
