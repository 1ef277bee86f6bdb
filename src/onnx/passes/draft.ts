// The graph while passes rewrite it.
import type { Tensor } from '../../graph/tensor.ts'
import type { Extents } from '../extent.ts'
import { countReaders, type OnnxNode } from '../model.ts'

/** A converted graph that may still hold nodes nobody reads. */
export interface Draft {
  readonly nodes: readonly OnnxNode[]
  readonly initializers: Map<string, Tensor>
  /** The shape of each value as it lies in memory. */
  readonly shapes: Map<string, Extents>
  /** The value that is the graph's output. */
  readonly output: string
}

/** A rewrite of the graph that keeps what it computes. */
export type Pass = (draft: Draft) => Draft

/** Looks nodes up by what they make and counts who reads it. */
export interface Lookup {
  producer(value: string): OnnxNode | undefined
  readers(value: string): number
}

export function lookUp({ nodes, output }: Draft): Lookup {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])))
  const readers = countReaders(nodes, output)
  return {
    producer: (value) => producers.get(value),
    readers: (value) => readers.get(value) ?? 0,
  }
}

/** The only element of a float32 scalar constant, or null. */
export function scalarOf({ initializers }: Draft, name: string): number | null {
  const tensor = initializers.get(name)
  if (tensor?.dtype !== 'float32' || tensor.bytes.byteLength !== 4) return null
  return new DataView(tensor.bytes.buffer, tensor.bytes.byteOffset).getFloat32(0, true)
}

/** Drops nodes and constants that do not reach the output. */
export const dropUnread: Pass = (draft) => {
  const needed = new Set([draft.output])
  const nodes: OnnxNode[] = []
  for (const node of draft.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue
    nodes.push(node)
    for (const input of node.inputs) needed.add(input)
  }
  const initializers = new Map([...draft.initializers].filter(([name]) => needed.has(name)))
  return { ...draft, nodes: nodes.reverse(), initializers }
}
