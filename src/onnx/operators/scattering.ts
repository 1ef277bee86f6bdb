// Constants with some of their parts replaced, as masks of shifted windows are put together.
import { elementCount } from '../../graph/tensor.ts'
import { type Known, known } from '../known.ts'
import type { Operation, Operator } from '../operation.ts'
import { stridesOf } from '../walk.ts'

/** Each row of the indices names the place of one part by its first axes. */
function updateParts(operation: Operation): Known {
  const [tensor, indices, updates] = ['tensor', 'indices', 'updates'].map((role, i) =>
    operation.constant(i, role),
  ) as [Known, Known, Known]
  const depth = indices.shape.at(-1) ?? 1
  const strides = stridesOf(tensor.shape)
  const partLength = elementCount(tensor.shape.slice(depth))
  const elements = Float64Array.from(tensor.elements)
  for (let row = 0; row < indices.elements.length / depth; row++) {
    const place = Array.from(indices.elements.subarray(row * depth, (row + 1) * depth))
    const start = place.reduce((sum, at, axis) => sum + at * (strides[axis] as number), 0)
    elements.set(updates.elements.subarray(row * partLength, (row + 1) * partLength), start)
  }
  return known(tensor.dtype, tensor.shape, elements)
}

export const scatteringOperators: Readonly<Record<string, Operator>> = {
  TensorScatterUpdate: updateParts,
}
