// Fake quantisation, which networks trained for integers carry: values are rounded to the steps that
// an integer of so many bits could hold (tensorflow/core/kernels/fake_quant_ops_functor.h).
import { applyBinary, applyUnary, type Unary, writeOperator } from '../arithmetic.ts'
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

/** The range moved so that zero is one of its steps. */
function nudge(operation: Operation, low: number, high: number): Range {
  const smallest = operation.bool('narrow_range', false) ? 1 : 0
  const largest = 2 ** operation.int('num_bits', 8) - 1
  const step = Math.fround((high - low) / (largest - smallest))
  const zero = Math.min(Math.max(Math.round(smallest - low / step), smallest), largest)
  return { low: (smallest - zero) * step, high: (largest - zero) * step, step }
}

/** @param ranges one, or one a channel of the last axis */
function quantize({ emitter, inputs: [given] }: Operation, ranges: readonly Range[]): Value {
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
  const steps = applyBinary(
    emitter,
    add,
    applyBinary(
      emitter,
      multiply,
      applyBinary(
        emitter,
        add,
        clipped,
        vector(({ low }) => -low),
      ),
      vector(({ step }) => 1 / step),
    ),
    known('float32', [], [0.5]),
  )
  const whole = applyUnary(emitter, floor, steps)
  const scaled = applyBinary(
    emitter,
    multiply,
    whole,
    vector(({ step }) => step),
  )
  return applyBinary(
    emitter,
    add,
    scaled,
    vector(({ low }) => low),
  )
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

export const quantizationOperators: Readonly<Record<string, Operator>> = {
  FakeQuantWithMinMaxArgs: (operation) =>
    quantize(operation, [nudge(operation, operation.float('min', -6), operation.float('max', 6))]),
  FakeQuantWithMinMaxVars: quantizeByOperands,
  FakeQuantWithMinMaxVarsPerChannel: quantizeByOperands,
}
