// Einstein summation. A product with weights, "abc,cde->abde", is a dense layer over the last axes
// of its input and is written as one; anything else goes to ONNX's own Einsum.

import { elementCount } from '../../graph/tensor.ts'
import { reshapeKnown } from '../known.ts'
import { sumKnownProducts } from '../known-products.ts'
import { inPlainOrder, reshape } from '../layout.ts'
import { text } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { plainOrder } from '../permutation.ts'
import type { Value } from '../value.ts'
import { multiplyByWeights } from './matrix.ts'

const ellipsis = '...'

function sumProducts(operation: Operation): Value {
  const equation = spellOut(operation, operation.text('equation', '').replaceAll(' ', ''))
  const parts = /^([a-zA-Z]+)(?:,([a-zA-Z]+))?->([a-zA-Z]*)$/.exec(equation)
  if (parts === null) return operation.unsupported(`has the equation "${equation}"`)
  const [, a = '', b, result = ''] = parts
  const sizes = axisSizes(operation, b === undefined ? [a] : [a, b])
  for (const [axis, size] of sizes) {
    if (size < 0 && !result.includes(axis)) operation.unsupported('sums over the batch')
  }
  const shape = Array.from(result, (axis) => sizes.get(axis) as number)
  const folded = sumKnown(operation, b === undefined ? [a] : [a, b], result)
  if (folded !== null) return folded
  const dense = b === undefined ? null : asDenseLayer(operation, [a, b, result], shape)
  return dense ?? writeEinsum(operation, equation, shape)
}

/** `...` as capital letters; of operands of which one has more such axes, the last ones belong together. */
function spellOut(operation: Operation, equation: string): string {
  const [operands = '', result] = equation.split('->')
  if (result === undefined) return equation
  const terms = operands.split(',')
  const counts = terms.map((term, i) => {
    const named = term.length - ellipsis.length
    return term.includes(ellipsis) ? Math.max(operation.input(i).shape.length - named, 0) : 0
  })
  const most = Math.max(...counts)
  const free = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ').filter((name) => !equation.includes(name))
  const letters = free.slice(0, most)
  const spelled = terms.map((term, i) => {
    return term.replace(ellipsis, letters.slice(most - (counts[i] as number)).join(''))
  })
  return `${spelled.join(',')}->${result.replace(ellipsis, letters.join(''))}`
}

/** Axes of size 1 broadcast against others of their name. */
function axisSizes(operation: Operation, terms: readonly string[]): Map<string, number> {
  const sizes = new Map<string, number>()
  terms.forEach((term, i) => {
    const { shape } = operation.input(i)
    if (shape.length !== term.length)
      operation.unsupported(`has "${term}" for rank ${shape.length}`)
    for (const [at, axis] of Array.from(term).entries()) {
      const size = shape[at] as number
      if ((sizes.get(axis) ?? 1) === 1) sizes.set(axis, size)
      else if (size !== 1 && size !== sizes.get(axis)) operation.unsupported('has axes that differ')
    }
  })
  return sizes
}

/** Sums of constants, as kernels are put together from. */
function sumKnown(
  { emitter, inputs }: Operation,
  [a, b]: readonly [string, string?],
  result: string,
): Value | null {
  const [left, right] = inputs
  if (left?.kind !== 'known') return null
  if (b === undefined) return sumKnownProducts(emitter, [{ value: left, axes: a }], result)
  if (right?.kind !== 'known') return null
  const factors = [
    { value: left, axes: a },
    { value: right, axes: b },
  ] as const
  return sumKnownProducts(emitter, factors, result)
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
  if (x.dtype !== 'float32') return null
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
    { dtype: operation.input(0).dtype, shape, order: plainOrder(shape.length) },
  )
}

export const einsumOperators: Readonly<Record<string, Operator>> = { Einsum: sumProducts }
