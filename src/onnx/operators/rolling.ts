// Rolling: what leaves an axis at one end comes in at the other.
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'
import { concatenate } from './joining.ts'
import { cutAxes, wholeAxis } from './slicing.ts'

function roll(operation: Operation): Value {
  const shifts = operation.integers(1, 'shift')
  const axes = operation.integers(2, 'axis')
  return axes.reduce((x: Value, named, i) => {
    const axis = operation.axis(named, x.shape.length)
    const size = x.shape[axis] as number
    const shift = (((shifts[i] as number) % size) + size) % size
    if (size < 0) operation.unsupported('rolls the batch')
    if (shift === 0) return x
    const part = (start: number, length: number) =>
      cutAxes(operation, x, x.shape.map(wholeAxis).with(axis, { start, size: length, step: 1 }))
    return concatenate(operation, [part(size - shift, shift), part(0, size - shift)], axis)
  }, operation.input(0))
}

export const rollingOperators: Readonly<Record<string, Operator>> = { Roll: roll }
