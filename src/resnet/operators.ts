// The TensorFlow operators that a ResNet is made of, as nodes that lack only a name. NHWC throughout;
// attributes as in https://www.tensorflow.org/api_docs/python/tf/raw_ops
import type { Attribute, GraphNode, ValueRef } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'

export type Operator = Omit<GraphNode, 'name'>

/** How the border is filled: not at all, TensorFlow's way, or by as many zeros on every side. */
export type Padding = 'VALID' | 'SAME' | number

/** A square window that moves over height and width. */
export interface Window {
  readonly kernel: number
  readonly stride: number
  readonly padding: Padding
}

const float32 = type('float32')
const int32 = type('int32')
const no: Attribute = { kind: 'bool', value: false }
const nhwc: Attribute = { kind: 'string', value: 'NHWC' }

export function constant(value: Tensor): Operator {
  return {
    op: 'Const',
    inputs: [],
    attributes: { dtype: type(value.dtype), value: { kind: 'tensor', value } },
  }
}

/** @param shape of the uint8 pixels, e.g. [-1, 224, 224, 3] */
export function placeholder(shape: readonly number[]): Operator {
  return {
    op: 'Placeholder',
    inputs: [],
    attributes: { dtype: type('uint8'), shape: { kind: 'shape', value: shape } },
  }
}

export function bytesToFloats(x: ValueRef): Operator {
  return {
    op: 'Cast',
    inputs: [x],
    attributes: { SrcT: type('uint8'), DstT: float32, Truncate: no },
  }
}

/** An operator that has nothing to say but the type of its float32 operands. */
export function elementwise(
  op: 'Mul' | 'Sub' | 'AddV2' | 'Relu' | 'Softmax',
  ...inputs: readonly ValueRef[]
): Operator {
  return { op, inputs, attributes: { T: float32 } }
}

export function convolution(x: ValueRef, kernel: ValueRef, window: Window): Operator {
  const { padding, stride } = window
  const explicit = typeof padding === 'number'
  return {
    op: 'Conv2D',
    inputs: [x, kernel],
    attributes: {
      T: float32,
      strides: ints([1, stride, stride, 1]),
      padding: { kind: 'string', value: explicit ? 'EXPLICIT' : padding },
      explicit_paddings: ints(explicit ? [0, 0, padding, padding, padding, padding, 0, 0] : []),
      dilations: ints([1, 1, 1, 1]),
      data_format: nhwc,
    },
  }
}

export function addBias(x: ValueRef, bias: ValueRef): Operator {
  return { op: 'BiasAdd', inputs: [x, bias], attributes: { T: float32, data_format: nhwc } }
}

/** @param paddings int32 [4, 2], zeros before and after each axis */
export function pad(x: ValueRef, paddings: ValueRef): Operator {
  return { op: 'Pad', inputs: [x, paddings], attributes: { T: float32, Tpaddings: int32 } }
}

export function maxPool(x: ValueRef, window: Window & { padding: 'VALID' | 'SAME' }): Operator {
  const { kernel, stride, padding } = window
  return {
    op: 'MaxPool',
    inputs: [x],
    attributes: {
      T: float32,
      ksize: ints([1, kernel, kernel, 1]),
      strides: ints([1, stride, stride, 1]),
      padding: { kind: 'string', value: padding },
      data_format: nhwc,
    },
  }
}

/** @param axes int32 [n], those that disappear */
export function mean(x: ValueRef, axes: ValueRef): Operator {
  return { op: 'Mean', inputs: [x, axes], attributes: { T: float32, Tidx: int32, keep_dims: no } }
}

export function matMul(x: ValueRef, kernel: ValueRef): Operator {
  return {
    op: 'MatMul',
    inputs: [x, kernel],
    attributes: { T: float32, transpose_a: no, transpose_b: no },
  }
}

function type(value: Tensor['dtype']): Attribute {
  return { kind: 'type', value }
}

function ints(value: readonly number[]): Attribute {
  return { kind: 'ints', value }
}
