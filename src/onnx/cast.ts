// A value in another type, as ONNX casts it: floats lose their rest, and wrap around where they are too large.
import type { DataType } from '../graph/data-type.ts'
import type { Emitter } from './emitter.ts'
import { elementType } from './encode.ts'
import { int } from './model.ts'
import type { Stored } from './value.ts'

export function writeCast(emitter: Emitter, x: Stored, dtype: DataType): Stored {
  if (x.dtype === dtype) return x
  const attributes = { to: int(elementType(dtype)) }
  return emitter.node('Cast', { inputs: [x.name], attributes }, { ...x, dtype })
}
