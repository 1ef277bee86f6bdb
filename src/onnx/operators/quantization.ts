// Fake quantisation, which networks trained for integers carry: values are rounded to the steps that
// an integer of so many bits could hold (tensorflow/core/kernels/fake_quant_ops_functor.h).
import { applyBinary, applyUnary, type Binary, type Unary, writeOperator } from '../arithmetic.ts'
import { type Known, known } from '../known.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'
import { add, multiply } from './arithmetic.ts'

const floor: Unary = { compute: Math.floor, write: writeOperator('Floor') }

interface Range {
  readonly low: number
  readonly high: number
  readonly step: number
}

/** The range moved so that zero is one of its steps, in float32 as TensorFlow has it: half a step decides. */
function nudge(operation: Operation, low: number, high: number): Range {
  const { fround } = Math
  const smallest = operation.bool('narrow_range', false) ? 1 : 0
  const largest = 2 ** operation.int('num_bits', 8) - 1
  const step = fround(fround(high - low) / (largest - smallest))
  const place = Math.round(fround(smallest - fround(low / step)))
  const zero = Math.min(Math.max(place, smallest), largest)
  return { low: fround((smallest - zero) * step), high: fround((largest - zero) * step), step }
}

/** Steps from the low end of a range to zero. */
function stepsToZero({ low, step }: Range): number {
  const { fround } = Math
  return Math.floor(fround(fround(-low * fround(1 / step)) + 0.5))
}

/** @param ranges one, or one a channel of the last axis */
function quantize(operation: Operation, ranges: readonly Range[]): Value {
  const { emitter, inputs } = operation
  const [given] = inputs
  if (ranges.some(({ step }) => !(step > 0))) operation.unsupported('has a range without width')
  const vector = (value: (range: Range) => number) =>
    known('float32', ranges.length === 1 ? [] : [ranges.length], ranges.map(value))
  const x = given as Value
  const raised = applyBinary(
    emitter,
    { op: 'Max', compute: Math.max },
    x,
    vector(({ low }) => low),
  )
  const clipped = applyBinary(
    emitter,
    { op: 'Min', compute: Math.min },
    raised,
    vector(({ high }) => high),
  )
  const apply = (binary: Binary, x: Value, value: (range: Range) => number) =>
    applyBinary(emitter, binary, x, vector(value))
  const shifted = apply(add, clipped, ({ low }) => -low)
  const steps = apply(multiply, shifted, ({ step }) => 1 / step)
  const fromZero = apply(add, steps, (range) => -stepsToZero(range))
  const whole = applyUnary(
    emitter,
    floor,
    apply(add, fromZero, () => 0.5),
  )
  return apply(multiply, whole, ({ step }) => step)
}

function quantizeByOperands(operation: Operation): Value {
  const [low, high] = [operation.constant(1, 'minimum'), operation.constant(2, 'maximum')] as [
    Known,
    Known,
  ]
  const ranges = Array.from(low.elements, (value, i) =>
    nudge(operation, value, high.elements[i] as number),
  )
  return quantize(operation, ranges)
}

interface Scale {
  readonly low: number
  readonly high: number
  readonly perStep: number
  readonly step: number
}

/** The range widened to the steps of an integer, with zero unmoved (quantize_and_dequantize_op.h). */
function scaleOf(operation: Operation, low: number, high: number): Scale {
  const bits = operation.int('num_bits', 8)
  const isSigned = operation.bool('signed_input', true)
  const narrow = operation.bool('narrow_range', false) ? 1 : 0
  const smallest = isSigned ? narrow - 2 ** (bits - 1) : 0
  const largest = isSigned ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
  const byLow = smallest * low > 0 ? smallest / low : Number.MAX_VALUE
  const byHigh = largest * high > 0 ? largest / high : Number.MAX_VALUE
  if (byLow === byHigh && byLow === Number.MAX_VALUE) {
    return operation.unsupported(`has the empty range ${low} to ${high}`)
  }
  const step = byLow < byHigh ? low / smallest : high / largest
  return { low: smallest * step, high: largest * step, perStep: Math.min(byLow, byHigh), step }
}

const roundings: Readonly<Record<string, Unary>> = {
  HALF_TO_EVEN: { compute: roundHalfToEven, write: writeOperator('Round') },
}

function roundHalfToEven(x: number): number {
  const whole = Math.round(x)
  return Math.abs(x % 1) === 0.5 && whole % 2 !== 0 ? whole - 1 : whole
}

function quantizeAndDequantize(operation: Operation): Value {
  const { emitter } = operation
  const mode = operation.text('round_mode', 'HALF_TO_EVEN')
  const rounding = roundings[mode]
  if (!operation.bool('range_given', false) || operation.int('axis', -1) !== -1) {
    return operation.unsupported('finds its range in what it quantises, or has one a channel')
  }
  if (rounding === undefined) return operation.unsupported(`rounds by ${mode}`)
  const [low = 0] = operation.constant(1, 'minimum').elements
  const [high = 0] = operation.constant(2, 'maximum').elements
  const scale = scaleOf(operation, low, high)
  const apply = (binary: Binary, x: Value, by: number) =>
    applyBinary(emitter, binary, x, known('float32', [], [by]))
  const raised = apply({ op: 'Max', compute: Math.max }, operation.input(0), scale.low)
  const clipped = apply({ op: 'Min', compute: Math.min }, raised, scale.high)
  const whole = applyUnary(emitter, rounding, apply(multiply, clipped, scale.perStep))
  return apply(multiply, whole, scale.step)
}

export const quantizationOperators: Readonly<Record<string, Operator>> = {
  FakeQuantWithMinMaxArgs: (operation) =>
    quantize(operation, [nudge(operation, operation.float('min', -6), operation.float('max', 6))]),
  FakeQuantWithMinMaxVars: quantizeByOperands,
  FakeQuantWithMinMaxVarsPerChannel: quantizeByOperands,
  QuantizeAndDequantizeV2: quantizeAndDequantize,
  QuantizeAndDequantizeV4: quantizeAndDequantize,
}
