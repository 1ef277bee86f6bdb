// Elementwise arithmetic, comparisons and casts.
import {
  applyBinary,
  applyUnary,
  type Binary,
  type Unary,
  widen,
  writeOperator,
  writeSelection,
} from '../arithmetic.ts'
import { isNarrow, writeCast, writeLowestBits } from '../cast.ts'
import type { Emitter } from '../emitter.ts'
import { integerBits, raiseWhole, wrap } from '../integers.ts'
import { computedType, type Known, known } from '../known.ts'
import { store } from '../layout.ts'
import { int } from '../model.ts'
import { OperandError } from '../operand-error.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Stored, Value } from '../value.ts'
import { imageAxes } from '../window.ts'

export const add: Binary = { op: 'Add', compute: (a, b) => a + b, exact: (a, b) => a + b }
export const multiply: Binary = { op: 'Mul', compute: (a, b) => a * b, exact: (a, b) => a * b }
export const subtract: Binary = { op: 'Sub', compute: (a, b) => a - b, exact: (a, b) => a - b }
export const divide: Binary = { op: 'Div', compute: (a, b) => a / b }
export const divideTowardsZero: Binary = { op: 'Div', compute: (a, b) => Math.trunc(a / b) }
const divideWhole: Binary = { op: 'Div', compute: (a, b) => Math.floor(a / b) }
/** The rest of whole numbers, which has the sign of the divisor. */
export const modulo: Binary = { op: 'Mod', compute: (a, b) => a - Math.floor(a / b) * b }
const raise: Binary = { op: 'Pow', compute: (a, b) => a ** b, exact: raiseWhole }
const larger: Binary = { op: 'Max', compute: Math.max }
const smaller: Binary = { op: 'Min', compute: Math.min }

const comparison = (op: string, compare: (a: number, b: number) => boolean): Binary => ({
  op,
  compute: (a, b) => Number(compare(a, b)),
  dtype: 'bool',
})
export const equal = comparison('Equal', (a, b) => a === b)
export const less = comparison('Less', (a, b) => a < b)
export const not: Unary = { compute: (x) => Number(x === 0), write: writeOperator('Not') }

const negate: Unary = { compute: (x) => -x, write: writeOperator('Neg') }
const invert: Unary = { compute: (x) => 1 / x, write: writeOperator('Reciprocal') }
const root: Unary = { compute: Math.sqrt, write: writeOperator('Sqrt') }
const invertRoot: Unary = {
  compute: (x) => 1 / Math.sqrt(x),
  write: (emitter, x) => invert.write(emitter, root.write(emitter, x)),
}
function binary(function_: Binary): Operator {
  return ({ emitter, inputs: [a, b] }) => applyBinary(emitter, function_, a as Value, b as Value)
}

function unary(function_: Unary): Operator {
  return ({ emitter, inputs: [x] }) => applyUnary(emitter, function_, x as Value)
}

/** x - constant is written as an addition, so that it folds like one. */
function subtractOperands({ emitter, inputs: [a, b] }: Operation): Value {
  const [left, right] = [a as Value, b as Value]
  if (left.kind === 'known' || right.kind !== 'known' || right.dtype !== 'float32') {
    return applyBinary(emitter, subtract, left, right)
  }
  return applyBinary(emitter, add, left, applyUnary(emitter, negate, right))
}

/** x / constant is written as a multiplication, so that it folds like one; integers lose their rest. */
function divideOperands({ emitter, inputs: [a, b] }: Operation): Value {
  const [left, right] = [a as Value, b as Value]
  if (left.dtype !== 'float32') return applyBinary(emitter, divideTowardsZero, left, right)
  if (left.kind === 'known' || right.kind !== 'known' || right.dtype !== 'float32') {
    return applyBinary(emitter, divide, left, right)
  }
  return applyBinary(emitter, multiply, left, applyUnary(emitter, invert, right))
}

/**
 * OpenVINO multiplies by the reciprocal of the divisor, whose rounding leaves 189 / 189 below 1: where no
 * rest is left the quotient is the nearest whole number.
 */
function floorOfQuotient(emitter: Emitter, a: Value, b: Value): Value {
  const round = (op: string, compute: Unary['compute'], x: Value) =>
    applyUnary(emitter, { compute, write: writeOperator(op) }, x)
  const quotient = applyBinary(emitter, divide, a, b)
  const none = known('float32', [], [0])
  const isWhole = applyBinary(emitter, equal, restOfFloats(emitter, a, b), none)
  return writeSelection(emitter, [
    isWhole,
    round('Round', roundToEven, quotient),
    round('Floor', Math.floor, quotient),
  ])
}

/** What C's fmod gives: exact, with the sign of `a`. */
export function restOfFloats(emitter: Emitter, a: Value, b: Value): Value {
  const rest: Binary = { op: 'Mod', attributes: { fmod: int(1) }, compute: (x, y) => x % y }
  return applyBinary(emitter, rest, a, asDivisor(emitter, a, b))
}

/**
 * A constant divisor as if it were computed, which keeps OpenVINO from dividing by its reciprocal.
 * (NaN, the only number that is not itself, stays NaN.)
 */
function asDivisor(emitter: Emitter, a: Value, b: Value): Value {
  if (a.kind === 'known' || b.kind !== 'known') return b
  return writeSelection(emitter, [applyBinary(emitter, equal, a, a), b, a])
}

function divideToFloor({ emitter, inputs }: Operation): Value {
  const [left, right] = inputs as [Value, Value]
  if (left.kind === 'known' && right.kind === 'known') {
    return applyBinary(emitter, divideWhole, left, right)
  }
  if (left.dtype === 'float32') return floorOfQuotient(emitter, left, right)
  if (!isNarrow(left.dtype)) return floorOfWhole(emitter, left, right)
  const quotient = floorOfWhole(emitter, widen(emitter, left), widen(emitter, right))
  return writeLowestBits(emitter, store(emitter, quotient), left.dtype)
}

/** Towards zero, and one less where the rest has not the divisor's sign. Floats would round the quotient. */
function floorOfWhole(emitter: Emitter, a: Value, b: Value): Value {
  const apply = (function_: Binary, x: Value, y: Value) => applyBinary(emitter, function_, x, y)
  const quotient = apply(divideTowardsZero, a, b)
  const rest = apply(subtract, a, apply(multiply, quotient, b))
  const isLess = applyUnary(emitter, not, apply(equal, rest, apply(modulo, a, b)))
  return apply(subtract, quotient, writeCast(emitter, store(emitter, isLess), a.dtype))
}

function square({ emitter }: Operation, x: Value): Value {
  return applyBinary(emitter, multiply, x, x)
}

/** A narrow type has no counterpart of its lowest number: as a difference it wraps around. */
function negateInput({ emitter, inputs: [given] }: Operation): Value {
  const x = given as Value
  if (!isNarrow(x.dtype)) return applyUnary(emitter, negate, x)
  return applyBinary(emitter, subtract, known(x.dtype, [], [0]), x)
}

function squareDifference(operation: Operation): Value {
  const [a, b] = operation.inputs as [Value, Value]
  return square(operation, applyBinary(operation.emitter, subtract, a, b))
}

/** The bias lies along the channels, which are not the last axis in NCHW. */
function addBias(operation: Operation): Value {
  const { emitter } = operation
  const x = operation.input(0)
  const bias = operation.input(1)
  if (imageAxes(operation).channel === 3) return applyBinary(emitter, add, x, bias)
  const constant = operation.constant(1, 'bias')
  const behind = Array<number>(Math.max(x.shape.length - 2, 0)).fill(1)
  return applyBinary(emitter, add, x, { ...constant, shape: [constant.elements.length, ...behind] })
}

function addMany({ emitter, inputs }: Operation): Value {
  return inputs.reduce((sum, value) => applyBinary(emitter, add, sum, value))
}

function cast(operation: Operation): Value {
  const dtype = computedType(operation.type('DstT', 'float32'))
  return castTo(operation, operation.input(0), dtype)
}

export function castTo(operation: Operation, x: Value, dtype: Known['dtype']): Value {
  if (dtype === x.dtype) return x
  if (x.kind === 'known') return castKnown(x, dtype)
  const stored = store(operation.emitter, x)
  const isCut = isNarrow(dtype) && x.dtype in integerBits
  if (isCut) return writeLowestBits(operation.emitter, stored, dtype)
  return writeCast(operation.emitter, saturated(operation, stored, dtype), dtype)
}

/** What small integers hold: TensorFlow's vectorised casts of floats end there, and do not wrap around. */
const smallIntegers: Partial<Record<Known['dtype'], readonly [number, number]>> = {
  uint8: [0, 2 ** 8 - 1],
  int8: [-(2 ** 7), 2 ** 7 - 1],
  uint16: [0, 2 ** 16 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
}

function saturated({ emitter }: Operation, x: Stored, dtype: Known['dtype']): Stored {
  const range = x.dtype === 'float32' ? smallIntegers[dtype] : undefined
  if (range === undefined) return x
  const inputs = [x.name, ...range.map((bound) => emitter.scalar(bound))]
  return emitter.node('Clip', { inputs }, x)
}

/** Floats end where the type does, as at a run; of integers the lowest bits are left. */
function castKnown(x: Known, dtype: Known['dtype']): Known {
  const [low, high] = smallIntegers[dtype] ?? [-Infinity, Infinity]
  const fromFloat = (value: number) => Math.min(Math.max(Math.trunc(value), low), high)
  const toWhole = x.dtype === 'float32' ? fromFloat : (value: number) => wrap(value, dtype)
  const convert = dtype === 'float32' ? Number : dtype === 'bool' ? Boolean : toWhole
  if (x.perBatch !== undefined && !x.elements.every(Number.isInteger)) {
    throw new OperandError('rounds a size of the batch')
  }
  const cast = known(
    dtype,
    x.shape,
    Array.from(x.elements, (value) => Number(convert(value))),
  )
  return x.perBatch === undefined ? cast : { ...cast, perBatch: x.perBatch }
}

/** TensorFlow and ONNX round halves to the even neighbour. */
function roundToEven(x: number): number {
  const rounded = Math.round(x)
  return Math.abs(x % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** Names in tf.raw_ops. */
export const arithmeticOperators: Readonly<Record<string, Operator>> = {
  Add: binary(add),
  AddV2: binary(add),
  AddN: addMany,
  BiasAdd: addBias,
  Sub: subtractOperands,
  Mul: binary(multiply),
  RealDiv: divideOperands,
  Div: divideOperands,
  TruncateDiv: divideOperands,
  FloorDiv: divideToFloor,
  Maximum: binary(larger),
  Minimum: binary(smaller),
  Pow: binary(raise),
  SquaredDifference: squareDifference,
  Greater: binary(comparison('Greater', (a, b) => a > b)),
  GreaterEqual: binary(comparison('GreaterOrEqual', (a, b) => a >= b)),
  Less: binary(less),
  LessEqual: binary(comparison('LessOrEqual', (a, b) => a <= b)),
  Equal: binary(equal),
  Neg: negateInput,
  Reciprocal: unary(invert),
  Inv: unary(invert),
  Sqrt: unary(root),
  Rsqrt: unary(invertRoot),
  Square: (operation) => square(operation, operation.input(0)),
  Abs: unary({ compute: Math.abs, write: writeOperator('Abs') }),
  Exp: unary({ compute: Math.exp, write: writeOperator('Exp') }),
  Log: unary({ compute: Math.log, write: writeOperator('Log') }),
  Floor: unary({ compute: Math.floor, write: writeOperator('Floor') }),
  Ceil: unary({ compute: Math.ceil, write: writeOperator('Ceil') }),
  Round: unary({ compute: roundToEven, write: writeOperator('Round') }),
  Rint: unary({ compute: roundToEven, write: writeOperator('Round') }),
  Sign: unary({ compute: Math.sign, write: writeOperator('Sign') }),
  Cast: cast,
}
