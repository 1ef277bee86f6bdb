// Numbers that a graph computes from constants alone: by such a one it may choose a branch, as
// tf.image.rot90 does by the number of turns and Keras' Resizing by the sides of its images.
import { elementCount } from '../graph/tensor.ts'
import { dataTypeFromNumber } from './data-types.ts'
import type { NodeDef, TensorProto } from './generated/saved_model_pb.ts'
import type { Scope, Value } from './scope.ts'
import { staticShapeFromProto } from './shape-proto.ts'
import { createRepeatBudget, tensorFromProto } from './tensor-proto.ts'

/** How many nodes may be looked at for one number: a graph may read each of its values twice. */
const maxNodes = 100

type Compute = (a: number, b: number) => number

const arithmetic: Readonly<Record<string, Compute>> = {
  Add: (a, b) => a + b,
  AddV2: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  RealDiv: (a, b) => a / b,
  FloorDiv: (a, b) => Math.floor(a / b),
  FloorMod: (a, b) => a - Math.floor(a / b) * b,
  Maximum: Math.max,
  Minimum: Math.min,
  Neg: (a) => -a,
  Floor: Math.floor,
}

/** What they give is a truth. */
const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Equal: (a, b) => a === b,
  NotEqual: (a, b) => a !== b,
  Greater: (a, b) => a > b,
  GreaterEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessEqual: (a, b) => a <= b,
  LogicalAnd: (a, b) => a !== 0 && b !== 0,
  LogicalOr: (a, b) => a !== 0 || b !== 0,
  LogicalNot: (a) => a === 0,
}

/** @returns the number, or 0 and 1 for a truth; `undefined` for what is only known when it runs */
function fixedNumber(
  value: Value,
  trace: (scope: Scope, reference: string) => Value,
): number | undefined {
  let left = maxNodes

  function evaluate({ scope, node }: Value): number | undefined {
    left -= 1
    if (left < 0) return undefined
    if (node.op === 'Const') return constantNumber(node)
    if (!isKnown(node)) return undefined
    const operands: number[] = []
    for (const reference of node.input.filter((input) => !input.startsWith('^'))) {
      const operand = evaluate(trace(scope, reference))
      if (operand === undefined) return undefined
      operands.push(operand)
    }
    return computed(node, operands)
  }

  return evaluate(value)
}

function isKnown({ op }: NodeDef): boolean {
  return Object.hasOwn(arithmetic, op) || Object.hasOwn(comparisons, op) || op === 'Cast'
}

function computed(
  node: NodeDef,
  [a = Number.NaN, b = Number.NaN]: readonly number[],
): number | undefined {
  const compare = comparisons[node.op]
  if (compare !== undefined) return Number(compare(a, b))
  const compute = arithmetic[node.op]
  return compute === undefined ? rounded(a, node, 'DstT') : rounded(compute(a, b), node, 'T')
}

/** As the node's type holds it; `undefined` for types that round otherwise. */
function rounded(number: number, { attr }: NodeDef, attribute: string): number | undefined {
  const type = attr[attribute]?.value
  switch (type?.case === 'type' ? dataTypeFromNumber(type.value) : undefined) {
    case 'float32':
      return Math.fround(number)
    case 'float64':
      return number
    case 'int32':
    case 'int64':
      return Math.trunc(number)
    case 'bool':
      return Number(number !== 0)
    default:
      return undefined
  }
}

function constantNumber({ name, attr }: NodeDef): number | undefined {
  const tensor = attr.value?.value
  return tensor?.case === 'tensor' ? scalarOf(tensor.value, name) : undefined
}

function scalarOf(proto: TensorProto, name: string): number | undefined {
  const dtype = dataTypeFromNumber(proto.dtype)
  if (dtype === undefined || dtype === 'string') return undefined
  if (elementCount(staticShapeFromProto(proto.tensorShape, name)) !== 1) return undefined
  const { bytes } = tensorFromProto(proto, name, createRepeatBudget())
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  switch (dtype) {
    case 'float32':
      return view.getFloat32(0, true)
    case 'float64':
      return view.getFloat64(0, true)
    case 'int32':
      return view.getInt32(0, true)
    case 'int64':
      return Number(view.getBigInt64(0, true))
    case 'bool':
      return view.getUint8(0)
    default:
      return undefined
  }
}

/** Whether a value is a truth that constants decide; `undefined` for what is only known when it runs. */
export function fixedTruth(
  value: Value,
  trace: (scope: Scope, reference: string) => Value,
): boolean | undefined {
  const number = fixedNumber(value, trace)
  return number === undefined ? undefined : number !== 0
}
