// The in-memory graph that every format meets at: resnet/ and savedmodel/ produce it, savedmodel/
// and onnx/ consume it. Its operators are TensorFlow's (names, attributes, NHWC layout as in
// https://www.tensorflow.org/api_docs/python/tf/raw_ops): function calls are already inlined and
// variables are already constants.

import type { DataType } from './data-type.ts'
import type { Tensor } from './tensor.ts'

/** One output of one node: `output` counts the operator's outputs from 0. */
export interface ValueRef {
  readonly node: string
  readonly output: number
}

/** A static shape; -1 is a dimension known only at run time, `null` an unknown rank. */
export type Shape = readonly number[] | null

/** An attribute with its kind, so that writers need not guess (1 as int and 1 as float differ). */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'type'; readonly value: DataType }
  | { readonly kind: 'shape'; readonly value: Shape }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'types'; readonly value: readonly DataType[] }
  | { readonly kind: 'shapes'; readonly value: readonly Shape[] }

export interface GraphNode {
  /** Unique in its graph. */
  readonly name: string
  /** TensorFlow's operator name, e.g. `Conv2D`. */
  readonly op: string
  readonly inputs: readonly ValueRef[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** A named input of the model: a `Placeholder` node. */
export interface GraphInput {
  /** The signature's name for it, e.g. `images`. */
  readonly name: string
  readonly node: string
  readonly dtype: DataType
  readonly shape: Shape // e.g. [-1, 224, 224, 3]
}

/** A named output of the model. */
export interface GraphOutput {
  /** The signature's name for it, e.g. `probabilities`. */
  readonly name: string
  readonly value: ValueRef
  readonly dtype: DataType
  readonly shape: Shape // e.g. [-1, 1000]
}

export interface Graph {
  /** In topological order: a node stands after every node it reads. */
  readonly nodes: readonly GraphNode[]
  readonly inputs: readonly GraphInput[]
  readonly outputs: readonly GraphOutput[]
}
