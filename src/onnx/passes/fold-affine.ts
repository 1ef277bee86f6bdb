// Folds multiplications and additions by constants, which is what batch normalisation, biases and
// rescaling have become, into the convolution or dense layer before them. Those that stand alone
// merge with their neighbours and are written as one operator.
import { elementCount, float32Tensor, float32Values } from '../../graph/tensor.ts'
import { sameExtents } from '../extent.ts'
import { float, type OnnxNode } from '../model.ts'
import { type Draft, lookUp, type Pass } from './draft.ts'

/** `factor * x + shift`, per channel or (one element) for all of them. */
interface Affine {
  factor: Float64Array
  shift: Float64Array
}

/** A node and what is multiplied and added to its result; `affine` alone stands for its input. */
interface Slot {
  readonly node: OnnxNode
  affine: Affine | null
}

export const foldAffine: Pass = (draft) => {
  const { readers } = lookUp(draft)
  const exact = readExactly(draft)
  const aliases = new Map<string, string>()
  const slots = new Map<string, Slot>()
  for (const original of draft.nodes) {
    const inputs = original.inputs.map((name) => aliases.get(name) ?? name)
    const node = { ...original, inputs }
    const step = affineStep(draft, node)
    const slot = step && slots.get(step.x)
    const output = node.outputs[0] as string
    // `original` counts: a value read once by this node has no other reader to disturb.
    const isOnlyReader = step !== null && readers(original.inputs[step.position] as string) === 1
    if (slot && isOnlyReader && canTake(draft, slot) && !exact.has(output)) {
      slot.affine = compose(slot.affine, step.affine)
      aliases.set(output, step.x)
    } else {
      slots.set(output, { node, affine: step === null ? null : step.affine })
    }
  }
  const nodes = [...slots.values()].flatMap((slot) => writeSlot(draft, slot))
  return { ...draft, nodes, output: aliases.get(draft.output) ?? draft.output }
}

/** What makes one number of many: their order of summation is the engine's, and so is the last bit. */
const sums =
  /^(Conv|ConvTranspose|Gemm|MatMul|Einsum|LRN|Resize|AveragePool|Global.*|Reduce.*|.*Softmax)$/

/** What jumps where its input only moves. */
const steps = /^(Floor|Ceil|Round|Sign|Mod|Equal|Less|LessOrEqual|Greater|GreaterOrEqual|Cast)$/

/**
 * Values of pixels, each by itself, that decide on which side of a step something lies (fake quantisation,
 * thresholds): they are rounded as often as TensorFlow rounds them.
 */
function readExactly({ nodes }: Draft): ReadonlySet<string> {
  const summed = new Set<string>()
  for (const { op, inputs, outputs } of nodes) {
    if (sums.test(op) || inputs.some((name) => summed.has(name))) addAll(summed, outputs)
  }
  const exact = new Set<string>()
  for (const { op, inputs, outputs } of nodes.toReversed()) {
    const decides = steps.test(op) || outputs.some((name) => exact.has(name))
    if (decides)
      addAll(
        exact,
        inputs.filter((name) => !summed.has(name)),
      )
  }
  return exact
}

function addAll(names: Set<string>, added: readonly string[]): void {
  for (const name of added) names.add(name)
}

interface AffineStep {
  /** The value that is multiplied or added to, and which input of the node it is. */
  readonly x: string
  readonly position: number
  readonly affine: Affine
}

/** What a Mul or Add by a constant does per channel; null for every other node. */
function affineStep(draft: Draft, node: OnnxNode): AffineStep | null {
  if (node.op !== 'Mul' && node.op !== 'Add') return null
  const position = draft.initializers.has(node.inputs[0] as string) ? 1 : 0
  const x = node.inputs[position] as string
  const constant = draft.initializers.get(node.inputs[1 - position] as string)
  const shape = draft.shapes.get(node.outputs[0] as string)
  if (constant?.dtype !== 'float32' || shape === undefined) return null
  if (!sameExtents(shape, draft.shapes.get(x) ?? [])) return null
  const channels = shape.length === 1 ? shape[0] : shape[1]
  const isScalar = elementCount(constant.shape) === 1 && constant.shape.length <= shape.length
  const perChannel =
    constant.shape.length === shape.length - 1 &&
    constant.shape[0] === channels &&
    constant.shape.slice(1).every((size) => size === 1)
  if (!isScalar && !perChannel) return null
  const values = Float64Array.from(float32Values(constant))
  const affine =
    node.op === 'Mul'
      ? { factor: values, shift: Float64Array.of(0) }
      : { factor: Float64Array.of(1), shift: values }
  return { x, position, affine }
}

/** Convolutions, dense layers and other lone multiplications and additions take more in. */
function canTake({ initializers }: Draft, { node, affine }: Slot): boolean {
  if (node.op === 'Conv' || node.op === 'Gemm') {
    return node.inputs.slice(1).every((name) => initializers.get(name)?.dtype === 'float32')
  }
  return affine !== null
}

function compose(first: Affine | null, second: Affine): Affine {
  if (first === null) return second
  return {
    factor: combine(first.factor, second.factor, (a, b) => a * b),
    shift: combine(
      combine(first.shift, second.factor, (a, b) => a * b),
      second.shift,
      (a, b) => a + b,
    ),
  }
}

function combine(
  a: Float64Array,
  b: Float64Array,
  compute: (a: number, b: number) => number,
): Float64Array {
  const [longer] = a.length >= b.length ? [a] : [b]
  const at = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i] as number
  return longer.map((_, i) => compute(at(a, i), at(b, i)))
}

function writeSlot(draft: Draft, { node, affine }: Slot): OnnxNode[] {
  if (affine === null) return [node]
  if (node.op === 'Conv' || node.op === 'Gemm') return [foldIntoLayer(draft, node, affine)]
  return writeAlone(draft, node, affine)
}

/** Scales the rows of the weights that make a channel, and moves its bias. */
function foldIntoLayer(draft: Draft, node: OnnxNode, { factor, shift }: Affine): OnnxNode {
  const [x, weightsName, biasName] = node.inputs as [string, string, string | undefined]
  const weights = draft.initializers.get(weightsName)
  if (weights === undefined) throw new Error(`no constant ${weightsName}. This is a bug.`)
  const channels = (node.op === 'Conv' ? weights.shape[0] : weights.shape[1]) as number
  const inner = node.op === 'Conv' ? elementCount(weights.shape.slice(1)) : 1
  const at = (values: Float64Array, i: number) => values[values.length === 1 ? 0 : i] as number
  const name = node.outputs[0] as string
  const inputs = [x, weightsName, `${name}/bias`]
  if (factor.some((value) => value !== 1)) {
    const scaled = float32Values(weights).map(
      (weight, i) => weight * at(factor, Math.floor(i / inner) % channels),
    )
    draft.initializers.set(`${name}/weights`, float32Tensor(weights.shape, scaled))
    inputs[1] = `${name}/weights`
  }
  const bias = biasName === undefined ? undefined : draft.initializers.get(biasName)
  const before = bias === undefined ? new Float32Array(channels) : float32Values(bias)
  const after = before.map((value, i) => value * at(factor, i) + at(shift, i))
  draft.initializers.set(`${name}/bias`, float32Tensor([channels], after))
  return { ...node, inputs }
}

/** What no layer took: Mul, Add, or both in one pass over the data as a BatchNormalization. */
function writeAlone(draft: Draft, node: OnnxNode, { factor, shift }: Affine): OnnxNode[] {
  const step = affineStep(draft, node)
  if (step === null) throw new Error(`${node.name} is not affine. This is a bug.`)
  const output = node.outputs[0] as string
  const shape = draft.shapes.get(output) as readonly number[]
  const operand = (role: string, values: Float64Array) => {
    const channelShape = shape.length < 2 ? [] : [values.length, ...shape.slice(2).map(() => 1)]
    const sizes = values.length === 1 ? [] : channelShape
    draft.initializers.set(`${output}/${role}`, float32Tensor(sizes, Float32Array.from(values)))
    return `${output}/${role}`
  }
  const scales = factor.some((value) => value !== 1)
  const shifts = shift.some((value) => value !== 0)
  if (!scales || !shifts) {
    const op = shifts ? 'Add' : 'Mul'
    return [{ ...node, op, inputs: [step.x, operand(op, shifts ? shift : factor)] }]
  }
  return [...writeBoth(draft, { node, x: step.x }, { factor, shift }, operand)]
}

function writeBoth(
  draft: Draft,
  { node, x }: { node: OnnxNode; x: string },
  { factor, shift }: Affine,
  operand: (role: string, values: Float64Array) => string,
): OnnxNode[] {
  const output = node.outputs[0] as string
  const channels = Math.max(factor.length, shift.length)
  if (channels === 1) {
    const scaled = `${output}/scaled`
    const scale = { name: scaled, op: 'Mul', inputs: [x, operand('Mul', factor)] }
    return [
      { ...scale, outputs: [scaled], attributes: {} },
      { ...node, op: 'Add', inputs: [scaled, operand('Add', shift)] },
    ]
  }
  const vector = (role: string, values: Float64Array) => {
    const all = Float32Array.from(
      { length: channels },
      (_, i) => values[values.length === 1 ? 0 : i] as number,
    )
    draft.initializers.set(`${output}/${role}`, float32Tensor([channels], all))
    return `${output}/${role}`
  }
  const inputs = [
    x,
    vector('scale', factor),
    vector('offset', shift),
    vector('mean', Float64Array.of(0)),
    vector('variance', Float64Array.of(1)),
  ]
  return [{ ...node, op: 'BatchNormalization', inputs, attributes: { epsilon: float(0) } }]
}
