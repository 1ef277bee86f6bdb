// Folds padding with zeros into the convolution or pooling that reads it.
import type { Tensor } from '../../graph/tensor.ts'
import { int, ints, intsOf, type OnnxNode } from '../model.ts'
import { type Draft, type Lookup, lookUp, type Pass, scalarOf } from './draft.ts'

export const foldPadding: Pass = (draft) => {
  const lookup = lookUp(draft)
  return { ...draft, nodes: draft.nodes.map((node) => withoutPad(draft, lookup, node)) }
}

/** The node reading what was padded, with the padding as its own, where that means the same. */
function withoutPad(draft: Draft, lookup: Lookup, node: OnnxNode): OnnxNode {
  const pad = lookup.producer(node.inputs[0] as string)
  if (pad?.op !== 'Pad' || pad.attributes.mode?.kind !== 'string') return node
  if (pad.attributes.mode.value !== 'constant' || padValue(draft, pad) !== 0) return node
  const padded = spatialPads(draft.initializers.get(pad.inputs[1] as string))
  if (padded === null) return node
  const own = intsOf(node, 'pads', [0, 0, 0, 0])
  const sizes = own.map((size, i) => size + (padded[i] as number))
  const pads = ints(sizes)
  const inputs = [pad.inputs[0] as string, ...node.inputs.slice(1)]
  switch (node.op) {
    case 'Conv':
      return { ...node, inputs, attributes: { ...node.attributes, pads } }
    case 'AveragePool': {
      // The zeros counted before and must go on counting; the pooling's own padding never does.
      if (own.some((size) => size !== 0) || !fitsKernel(node, padded)) return node
      const attributes = { ...node.attributes, pads, count_include_pad: int(1) }
      return { ...node, inputs, attributes }
    }
    case 'MaxPool':
      // Zeros lose against values that are not negative, as the runtime's own padding does.
      if (!fitsKernel(node, sizes) || !isNotNegative(lookup, inputs[0] as string)) return node
      return { ...node, inputs, attributes: { ...node.attributes, pads } }
    default:
      return node
  }
}

function padValue(draft: Draft, pad: OnnxNode): number | null {
  const name = pad.inputs[2]
  return name === undefined || name === '' ? 0 : scalarOf(draft, name)
}

/** Top, left, bottom, right; null where batch or channels are padded, or something is cut off. */
function spatialPads(pads: Tensor | undefined): number[] | null {
  if (pads?.shape[0] !== 8) return null
  const all = Array.from(new BigInt64Array(pads.bytes.slice().buffer), Number)
  const [n0, c0, top, left, n1, c1, bottom, right] = all as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (n0 || c0 || n1 || c1 || all.some((size) => size < 0)) return null
  return [top, left, bottom, right]
}

/** Runtimes refuse pooling whose windows could lie in the padding alone. */
function fitsKernel(node: OnnxNode, pads: readonly number[]): boolean {
  const kernel = intsOf(node, 'kernel_shape', [1, 1])
  return pads.every((size, i) => size < (kernel[i % 2] as number))
}

function isNotNegative(lookup: Lookup, value: string): boolean {
  const node = lookup.producer(value)
  return node !== undefined && (node.op === 'Relu' || node.op === 'Sigmoid')
}
