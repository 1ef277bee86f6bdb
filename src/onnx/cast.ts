// A value in another type, as ONNX casts it: floats lose their rest, and wrap around where they are too large.
import type { DataType } from '../graph/data-type.ts'
import type { Emitter } from './emitter.ts'
import { elementType } from './encode.ts'
import { integerBits } from './integers.ts'
import { known, tensorFromKnown } from './known.ts'
import { int } from './model.ts'
import type { Stored } from './value.ts'

/** Integers whose bounds results reach soon; most engines compute with wider ones. */
const narrowTypes = new Set<DataType>(['uint8', 'int8', 'uint16', 'int16'])

export const isNarrow = (dtype: DataType): boolean => narrowTypes.has(dtype)

export function writeCast(emitter: Emitter, x: Stored, dtype: DataType): Stored {
  if (x.dtype === dtype) return x
  const attributes = { to: int(elementType(dtype)) }
  return emitter.node('Cast', { inputs: [x.name], attributes }, { ...x, dtype })
}

/**
 * Integers in a narrow type, of which the lowest bits are left as in TensorFlow. ONNX leaves open what
 * becomes of those that the type does not hold: OpenVINO ends at its bounds in some operators.
 */
export function writeLowestBits(emitter: Emitter, x: Stored, dtype: DataType): Stored {
  const wide = isNarrow(x.dtype) ? writeCast(emitter, x, 'int32') : x
  const count = 2 ** (integerBits[dtype] ?? 0)
  const apply = (op: string, operand: Stored, number: number) => {
    const constant = emitter.constant(tensorFromKnown(known(wide.dtype, [], [number])))
    return emitter.node(op, { inputs: [operand.name, constant] }, wide)
  }
  if (dtype.startsWith('u')) return writeCast(emitter, apply('BitwiseAnd', wide, count - 1), dtype)
  const bits = apply('BitwiseAnd', apply('Add', wide, count / 2), count - 1)
  return writeCast(emitter, apply('Sub', bits, count / 2), dtype)
}
