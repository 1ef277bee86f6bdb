// Folds a lone scale and offset a channel into the convolution that reads it. Only where that has
// no padding: its zeros are not scaled and shifted.
import { elementCount, float32Tensor, float32Values, type Tensor } from '../../graph/tensor.ts'
import { intsOf, type OnnxNode } from '../model.ts'
import { type Draft, lookUp, type Pass } from './draft.ts'
import { type Matcher, made, rewriteNodes } from './match.ts'

/** Runs after fold-affine, which has written every lone scale and offset as BatchNormalization. */
export const foldForward: Pass = (draft) => rewriteNodes(draft, foldInto, lookUp(draft))

function foldInto(matcher: Matcher, node: OnnxNode): OnnxNode | null {
  const { draft, lookup } = matcher
  const affine = made(matcher, node.inputs[0], 'BatchNormalization')
  const weights = draft.initializers.get(node.inputs[1] as string)
  if (node.op !== 'Conv' || affine === undefined || weights === undefined) return null
  const isPadded = intsOf(node, 'pads', []).some((size) => size > 0)
  if (isPadded || lookup.readers(affine.outputs[0] as string) !== 1) return null
  const [x, ...operands] = affine.inputs as [string, string, string, string, string]
  const [factor, shift] = operands.map((name) => vectorOf(draft, name)) as [
    Float32Array,
    Float32Array,
  ]
  const group = node.attributes.group?.kind === 'int' ? node.attributes.group.value : 1
  const folded = scaleInputs(weights, { factor, shift, group })
  const name = node.outputs[0] as string
  const bias = node.inputs[2] === undefined ? null : vectorOf(draft, node.inputs[2])
  const moved = folded.bias.map((value, i) => value + (bias?.[i] ?? 0))
  draft.initializers.set(`${name}/forward-weights`, folded.weights)
  draft.initializers.set(
    `${name}/forward-bias`,
    float32Tensor([moved.length], Float32Array.from(moved)),
  )
  return { ...node, inputs: [x, `${name}/forward-weights`, `${name}/forward-bias`] }
}

/** @param weights [out, in / group, …]; channel `in` of group g reads input g * in / group + in */
function scaleInputs(
  weights: Tensor,
  { factor, shift, group }: { factor: Float32Array; shift: Float32Array; group: number },
): { weights: Tensor; bias: Float64Array } {
  const [outputs, inputs] = weights.shape as [number, number]
  const area = elementCount(weights.shape.slice(2))
  const values = float32Values(weights).slice()
  const bias = new Float64Array(outputs)
  for (let row = 0; row < outputs * inputs; row++) {
    const output = Math.floor(row / inputs)
    const channel = Math.floor((output * group) / outputs) * inputs + (row % inputs)
    for (let i = row * area; i < (row + 1) * area; i++) {
      const weight = values[i] as number
      bias[output] = (bias[output] as number) + weight * (shift[channel] as number)
      values[i] = weight * (factor[channel] as number)
    }
  }
  return { weights: float32Tensor(weights.shape, values), bias }
}

function vectorOf({ initializers }: Draft, name: string): Float32Array {
  const tensor = initializers.get(name)
  if (tensor === undefined) throw new Error(`no constant ${name}. This is a bug.`)
  return float32Values(tensor)
}
