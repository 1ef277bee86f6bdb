// Einstein summation. A product with weights, "abc,cde->abde", is a dense layer over the last axes
// of its input and is written as one; anything else goes to ONNX's own Einsum.

import { elementCount } from '../../graph/tensor.ts'
import { reshapeKnown } from '../known.ts'
import { inPlainOrder, reshape } from '../layout.ts'
import { text } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { plainOrder } from '../permutation.ts'
import type { Value } from '../value.ts'
import { multiplyByWeights } from './matrix.ts'

function sumProducts(operation: Operation): Value {
  const equation = spellOut(operation, operation.text('equation', '').replaceAll(' ', ''))
  const parts = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/.exec(equation)
  if (parts === null) return operation.unsupported(`has the equation "${equation}"`)
  const [, a, b, result] = parts as unknown as [string, string, string, string]
  const sizes = axisSizes(operation, [a, b])
  const shape = Array.from(result, (axis) => sizes.get(axis) as number)
  return asDenseLayer(operation, [a, b, result], shape) ?? writeEinsum(operation, equation, shape)
}

/** `...` as capital letters, where the first operand has it and says how many it stands for. */
function spellOut(operation: Operation, equation: string): string {
  const [first = '', second = ''] = equation.split(/,|->/)
  if (!first.includes('...') || second.includes('...')) return equation
  const count = operation.input(0).shape.length - (first.length - 3)
  const free = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ').filter((name) => !equation.includes(name))
  return equation.replaceAll('...', free.slice(0, Math.max(count, 0)).join(''))
}

function axisSizes(operation: Operation, terms: readonly string[]): Map<string, number> {
  return new Map(
    terms.flatMap((term, i) =>
      Array.from(term, (axis, at): [string, number] => [
        axis,
        operation.input(i).shape[at] as number,
      ]),
    ),
  )
}

/** Weights that begin with the axes the input ends with; null for every other equation. */
function asDenseLayer(
  operation: Operation,
  [a, b, result]: readonly [string, string, string],
  shape: readonly number[],
): Value | null {
  const [x, weights] = [operation.input(0), operation.input(1)]
  const summed = Array.from(b)
    .filter((axis) => a.includes(axis))
    .join('')
  const [outer, inner] = [a.slice(0, a.length - summed.length), b.slice(summed.length)]
  const isDense = a.endsWith(summed) && b.startsWith(summed) && result === outer + inner
  if (x.kind === 'known' || weights.kind !== 'known' || !isDense || summed === '') return null
  const features = elementCount(weights.shape.slice(0, summed.length))
  const outputs = elementCount(weights.shape.slice(summed.length))
  const outerShape = x.shape.slice(0, outer.length)
  const joined = reshape(operation.emitter, x, [...outerShape, features])
  if (joined.kind === 'known') return null
  const matrix = reshapeKnown(weights, [features, outputs])
  const product = multiplyByWeights(operation, joined, matrix)
  return reshape(operation.emitter, product, shape)
}

function writeEinsum(operation: Operation, equation: string, shape: readonly number[]): Value {
  const { emitter } = operation
  const inputs = operation.inputs.map((input) => inPlainOrder(emitter, input))
  return emitter.node(
    'Einsum',
    { inputs: inputs.map(({ name }) => name), attributes: { equation: text(equation) } },
    { dtype: 'float32', shape, order: plainOrder(shape.length) },
  )
}

export const einsumOperators: Readonly<Record<string, Operator>> = { Einsum: sumProducts }
