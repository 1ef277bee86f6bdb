// The ONNX graph in memory: what operators emit, passes rewrite and encode.ts writes.
// Specification: https://github.com/onnx/onnx/blob/main/docs/IR.md
import type { DataType } from '../graph/data-type.ts'
import type { Tensor } from '../graph/tensor.ts'

/** An attribute with its kind: ONNX distinguishes 1 as int from 1 as float. */
export type OnnxAttribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }

export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>

export interface OnnxNode {
  readonly name: string
  readonly op: string
  /** Names of values; '' leaves an optional input out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: OnnxAttributes
}

/** An input or output of the graph; a text is a symbolic dimension. */
export interface OnnxPort {
  readonly name: string
  readonly dtype: DataType
  readonly shape: readonly (number | string)[]
}

export interface OnnxModel {
  readonly name: string
  /** In topological order. */
  readonly nodes: readonly OnnxNode[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly input: OnnxPort
  readonly output: OnnxPort
  /** float32 values that are outputs too, so that they can be looked at. */
  readonly taps?: readonly string[]
}

/** The names of a converted graph's input and output. */
export const pixelsName = 'pixels'
export const scoresName = 'scores'

export const int = (value: number): OnnxAttribute => ({ kind: 'int', value })
export const float = (value: number): OnnxAttribute => ({ kind: 'float', value })
export const text = (value: string): OnnxAttribute => ({ kind: 'string', value })
export const ints = (value: readonly number[]): OnnxAttribute => ({ kind: 'ints', value })

/** The numbers of an `ints` attribute, or `fallback` where the node has none. */
export function intsOf(
  node: OnnxNode,
  name: string,
  fallback: readonly number[],
): readonly number[] {
  const attribute = node.attributes[name]
  return attribute?.kind === 'ints' ? attribute.value : fallback
}

/** How often each value is read; the graph's output counts once. */
export function countReaders(nodes: readonly OnnxNode[], output: string): Map<string, number> {
  const readers = new Map<string, number>([[output, 1]])
  for (const node of nodes) {
    for (const input of node.inputs) readers.set(input, (readers.get(input) ?? 0) + 1)
  }
  return readers
}
