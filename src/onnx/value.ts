// What a TensorFlow value has become during the conversion.
import type { DataType } from '../graph/data-type.ts'
import type { Extents } from './extent.ts'
import type { Known } from './known.ts'
import type { AxisOrder } from './permutation.ts'

/** A value of the ONNX graph, in the logical shape TensorFlow gave it and its order in memory. */
export interface Stored {
  readonly kind: 'stored'
  /** The ONNX value's name. */
  readonly name: string
  readonly dtype: DataType
  readonly shape: Extents
  readonly order: AxisOrder
}

/**
 * A reshape of a stored value that would cost a transpose, held back until somebody needs it: a
 * dense layer over the channels of a feature map takes `source` and runs as a 1x1 convolution.
 */
export interface Reshaped {
  readonly kind: 'reshaped'
  readonly source: Stored
  readonly dtype: DataType
  readonly shape: Extents
}

export type Value = Known | Stored | Reshaped
