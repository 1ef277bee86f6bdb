// Activations, most of them one ONNX operator.
import { applyUnary, type Unary, writeOperator } from '../arithmetic.ts'
import { type Known, known } from '../known.ts'
import { store } from '../layout.ts'
import { float, int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { positionOf } from '../permutation.ts'
import type { Value } from '../value.ts'

/** Constants of the scaled exponential linear unit (Klambauer et al. 2017), as tf.nn.selu has them. */
const seluAlpha = 1.6732632423543772
const seluScale = 1.0507009873554805

const exponential = (alpha: number) => (x: number) => (x < 0 ? alpha * Math.expm1(x) : x)

const relu: Unary = { compute: (x) => Math.max(x, 0), write: writeOperator('Relu') }

const relu6: Unary = {
  compute: (x) => Math.min(Math.max(x, 0), 6),
  write: (emitter, x) =>
    emitter.node('Clip', { inputs: [x.name, emitter.scalar(0), emitter.scalar(6)] }, x),
}

const sigmoid: Unary = {
  compute: (x) => 1 / (1 + Math.exp(-x)),
  write: writeOperator('Sigmoid'),
}

/** 1 - erf(x): Keras writes the exact GELU with it. */
const complementaryErrorFunction: Unary = {
  compute: (x) => 1 - errorFunction(x),
  write(emitter, x) {
    const erf = emitter.node('Erf', { inputs: [x.name] }, x)
    return emitter.node('Sub', { inputs: [emitter.scalar(1), erf.name] }, x)
  },
}

/** Abramowitz and Stegun 7.1.26 would be too rough: the series converges where constants lie. */
function errorFunction(x: number): number {
  const limit = 6 // erf(6) is 1 in float64
  if (Math.abs(x) > limit) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > Number.EPSILON * 1e-3; n++) {
    term *= (-x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

function unary(function_: Unary): Operator {
  return ({ emitter, inputs: [x] }) => applyUnary(emitter, function_, x as Value)
}

function leaky(alpha: number): Unary {
  return {
    compute: (x) => (x < 0 ? alpha * x : x),
    write: writeOperator('LeakyRelu', { alpha: float(alpha) }),
  }
}

function softmax(operation: Operation): Value {
  if ((operation.input(0).shape.at(-1) ?? 1) < 0) operation.unsupported('normalises over the batch')
  const op = operation.node.op === 'LogSoftmax' ? 'LogSoftmax' : 'Softmax'
  const x = operation.input(0)
  if (x.kind === 'known') return softmaxKnown(x, op)
  const stored = store(operation.emitter, x)
  const axis = positionOf(stored.order, stored.shape.length - 1)
  return operation.emitter.node(
    op,
    { inputs: [stored.name], attributes: { axis: int(axis) } },
    stored,
  )
}

/** Along the last axis; the largest element is taken out so that no exponential is infinite. */
function softmaxKnown(x: Known, op: 'Softmax' | 'LogSoftmax'): Known {
  const width = x.shape.at(-1) ?? 1
  const elements = Float32Array.from(x.elements)
  for (let start = 0; start < elements.length; start += width) {
    const row = elements.subarray(start, start + width)
    const largest = row.reduce((a, b) => Math.max(a, b), -Infinity)
    const sum = row.reduce((total, value) => total + Math.exp(value - largest), 0)
    const shift = largest + Math.log(sum)
    row.forEach((value, i) => {
      row[i] = op === 'LogSoftmax' ? value - shift : Math.exp(value - largest) / sum
    })
  }
  return known('float32', x.shape, elements)
}

export const activationOperators: Readonly<Record<string, Operator>> = {
  Relu: unary(relu),
  Relu6: unary(relu6),
  Sigmoid: unary(sigmoid),
  Tanh: unary({ compute: Math.tanh, write: writeOperator('Tanh') }),
  Erf: unary({ compute: errorFunction, write: writeOperator('Erf') }),
  Erfc: unary(complementaryErrorFunction),
  Elu: unary({ compute: exponential(1), write: writeOperator('Elu') }),
  Selu: unary({
    compute: (x) => seluScale * exponential(seluAlpha)(x),
    write: writeOperator('Selu', { alpha: float(seluAlpha), gamma: float(seluScale) }),
  }),
  Softplus: unary({
    compute: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    write: writeOperator('Softplus'),
  }),
  Softsign: unary({ compute: (x) => x / (1 + Math.abs(x)), write: writeOperator('Softsign') }),
  LeakyRelu: (operation) => unary(leaky(operation.float('alpha', 0.2)))(operation),
  Softmax: softmax,
  LogSoftmax: softmax,
}
