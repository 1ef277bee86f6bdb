// Mathematical functions beyond plain arithmetic: trigonometry, logarithms close to 1, and divisions
// that have an answer at zero.
import {
  applyBinary,
  applyUnary,
  type Binary,
  type Unary,
  writeOperator,
  writeSelection,
} from '../arithmetic.ts'
import { known } from '../known.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Stored, Value } from '../value.ts'
import {
  add,
  divide,
  divideTowardsZero,
  equal,
  less,
  modulo,
  multiply,
  not,
  restOfFloats,
  subtract,
} from './arithmetic.ts'

const logarithm: Unary = { compute: Math.log, write: writeOperator('Log') }
const exponential: Unary = { compute: Math.exp, write: writeOperator('Exp') }

const one = known('float32', [], [1])
const zero = known('float32', [], [0])

function unary(function_: Unary): Operator {
  return ({ emitter, inputs: [x] }) => applyUnary(emitter, function_, x as Value)
}

/** A function that ONNX has under TensorFlow's name. */
function namesake(op: string, compute: (x: number) => number): Operator {
  return unary({ compute, write: writeOperator(op) })
}

/** A test of each element. */
function test(op: string, compute: (x: number) => boolean): Operator {
  return unary({
    compute: (x) => Number(compute(x)),
    write: (emitter, x) => emitter.node(op, { inputs: [x.name] }, { ...x, dtype: 'bool' }),
  })
}

function logarithmOfOnePlus({ emitter, inputs: [x] }: Operation): Value {
  return applyUnary(emitter, logarithm, applyBinary(emitter, add, x as Value, one))
}

function exponentialMinusOne({ emitter, inputs: [x] }: Operation): Value {
  return applyBinary(emitter, subtract, applyUnary(emitter, exponential, x as Value), one)
}

function notEqual({ emitter, inputs: [a, b] }: Operation): Value {
  return applyUnary(emitter, not, applyBinary(emitter, equal, a as Value, b as Value))
}

/** x - x is 0 for every number but NaN and the infinities. */
function isOrdinary({ emitter, inputs: [x] }: Operation): Value {
  const none = applyBinary(emitter, subtract, x as Value, x as Value)
  return applyBinary(emitter, equal, none, zero)
}

/** The rest of a division, which has the sign of y; of floats it is exact, as C's fmod is. */
function moduloToFloor(operation: Operation): Value {
  const { emitter } = operation
  const [x, y] = [operation.input(0), operation.input(1)]
  const isKnown = x.kind === 'known' && y.kind === 'known'
  if (isKnown || x.dtype !== 'float32') return applyBinary(emitter, modulo, x, y)
  const rest = restOfFloats(emitter, x, y)
  const isOther = applyBinary(emitter, less, applyBinary(emitter, multiply, rest, y), zero)
  return writeSelection(emitter, [isOther, applyBinary(emitter, add, rest, y), rest])
}

/** The rest of a division, which has the sign of x. */
function moduloTowardsZero({ emitter, inputs }: Operation): Value {
  const [x, y] = inputs as [Value, Value]
  const isKnown = x.kind === 'known' && y.kind === 'known'
  if (isKnown) return applyBinary(emitter, { op: 'Mod', compute: (a, b) => a % b }, x, y)
  if (x.dtype === 'float32') return restOfFloats(emitter, x, y)
  const quotient = applyBinary(emitter, divideTowardsZero, x, y)
  return applyBinary(emitter, subtract, x, applyBinary(emitter, multiply, quotient, y))
}

/** `compute` of both operands, but 0 wherever operand `decisive` is 0. */
function zeroAtZero(
  decisive: 0 | 1,
  write: (operation: Operation) => Value,
  compute: Binary['compute'],
): Operator {
  return (operation) => {
    const { emitter } = operation
    const [a, b] = [operation.input(0), operation.input(1)]
    if (a.kind === 'known' && b.kind === 'known')
      return applyBinary(emitter, { op: '', compute }, a, b)
    const isZero = applyBinary(emitter, equal, decisive === 0 ? a : b, zero)
    return writeSelection(emitter, [isZero, zero, write(operation)]) as Stored
  }
}

const divideInputs = ({ emitter, inputs: [a, b] }: Operation) =>
  applyBinary(emitter, divide, a as Value, b as Value)
const multiplyInputs = ({ emitter, inputs: [a, b] }: Operation) =>
  applyBinary(emitter, multiply, a as Value, b as Value)
const timesLogarithm = ({ emitter, inputs: [a, b] }: Operation) =>
  applyBinary(emitter, multiply, a as Value, applyUnary(emitter, logarithm, b as Value))
const timesLogarithmOfOnePlus = ({ emitter, inputs: [a, b] }: Operation) =>
  applyBinary(
    emitter,
    multiply,
    a as Value,
    applyUnary(emitter, logarithm, applyBinary(emitter, add, b as Value, one)),
  )

function clip({ emitter, inputs: [x, low, high] }: Operation): Value {
  const raised = applyBinary(emitter, { op: 'Max', compute: Math.max }, x as Value, low as Value)
  return applyBinary(emitter, { op: 'Min', compute: Math.min }, raised, high as Value)
}

export const functionOperators: Readonly<Record<string, Operator>> = {
  Sin: namesake('Sin', Math.sin),
  Cos: namesake('Cos', Math.cos),
  Tan: namesake('Tan', Math.tan),
  Asin: namesake('Asin', Math.asin),
  Acos: namesake('Acos', Math.acos),
  Atan: namesake('Atan', Math.atan),
  Sinh: namesake('Sinh', Math.sinh),
  Cosh: namesake('Cosh', Math.cosh),
  Asinh: namesake('Asinh', Math.asinh),
  Acosh: namesake('Acosh', Math.acosh),
  Atanh: namesake('Atanh', Math.atanh),
  Log1p: logarithmOfOnePlus,
  Expm1: exponentialMinusOne,
  IsNan: test('IsNaN', Number.isNaN),
  IsInf: test('IsInf', (x) => Math.abs(x) === Number.POSITIVE_INFINITY),
  IsFinite: isOrdinary,
  NotEqual: notEqual,
  FloorMod: moduloToFloor,
  TruncateMod: moduloTowardsZero,
  DivNoNan: zeroAtZero(1, divideInputs, (a, b) => (b === 0 ? 0 : a / b)),
  MulNoNan: zeroAtZero(1, multiplyInputs, (a, b) => (b === 0 ? 0 : a * b)),
  Xdivy: zeroAtZero(0, divideInputs, (a, b) => (a === 0 ? 0 : a / b)),
  Xlogy: zeroAtZero(0, timesLogarithm, (a, b) => (a === 0 ? 0 : a * Math.log(b))),
  Xlog1py: zeroAtZero(0, timesLogarithmOfOnePlus, (a, b) => (a === 0 ? 0 : a * Math.log1p(b))),
  ClipByValue: clip,
}
