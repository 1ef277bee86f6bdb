// Choosing elements by a condition, and the logic of conditions.
import {
  applyBinary,
  applyUnary,
  type Binary,
  broadcastKnown,
  writeOperator,
  writeSelection,
} from '../arithmetic.ts'
import { broadcastExtents, type Extents, sameExtents } from '../extent.ts'
import { type Known, known } from '../known.ts'
import { reshape } from '../layout.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'

const logic = (op: string, compute: (a: number, b: number) => number): Operator => {
  const function_: Binary = { op, compute, dtype: 'bool' }
  return ({ emitter, inputs: [a, b] }) => applyBinary(emitter, function_, a as Value, b as Value)
}

/** SelectV2, whose operands broadcast; Select takes operands of one shape, but for its condition. */
function select(operation: Operation): Value {
  const [given, a, b] = [0, 1, 2].map((i) => operation.input(i)) as [Value, Value, Value]
  const condition = operation.node.op === 'Select' ? ofRows(operation, given, a) : given
  if (condition.kind === 'known' && condition.elements.length === 1) {
    const chosen = condition.elements[0] ? a : b
    const shape = [condition, a, b].map(shapeOf).reduce(joinedShape, [])
    if (shape === null || sameExtents(shape, chosen.shape)) return chosen
    // A scalar beside a vector becomes one too.
    if (chosen.kind === 'known' && shape.every((size) => size >= 0)) {
      return broadcastKnown(chosen, shape)
    }
  }
  if (condition.kind === 'known' && a.kind === 'known' && b.kind === 'known') {
    return selectKnown(operation, [condition, a, b])
  }
  return writeSelection(operation.emitter, [condition, a, b])
}

/** Select's condition may be a vector, one truth a row: it stands for whole rows. */
function ofRows({ emitter }: Operation, condition: Value, { shape }: Value): Value {
  const [size] = condition.shape
  if (size === undefined || condition.shape.length !== 1) return condition
  return reshape(emitter, condition, [size, ...shape.slice(1).map(() => 1)])
}

const shapeOf = ({ shape }: Value): Extents => shape

function joinedShape(joined: Extents | null, next: Extents): Extents | null {
  return joined === null ? null : broadcastExtents(joined, next)
}

function selectKnown(operation: Operation, operands: readonly [Known, Known, Known]): Value {
  const shape = operands
    .map(shapeOf)
    .reduce(
      (joined, next) =>
        broadcastExtents(joined, next) ??
        operation.unsupported('has constant operands that do not broadcast'),
    )
  const [condition, a, b] = operands.map((operand) => broadcastKnown(operand, shape)) as [
    Known,
    Known,
    Known,
  ]
  if (a.perBatch ?? b.perBatch) operation.unsupported('computes with the size of the batch')
  return known(
    a.dtype,
    shape,
    Array.from(condition.elements, (holds, i) => (holds ? a : b).elements[i] as number),
  )
}

export const selectionOperators: Readonly<Record<string, Operator>> = {
  Select: select,
  SelectV2: select,
  LogicalAnd: logic('And', (a, b) => a && b),
  LogicalOr: logic('Or', (a, b) => a || b),
  LogicalNot: ({ emitter, inputs: [x] }) =>
    applyUnary(emitter, { compute: (a) => Number(!a), write: writeOperator('Not') }, x as Value),
}
