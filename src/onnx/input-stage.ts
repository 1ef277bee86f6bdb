// How uint8 pixels become what the model takes: transposed once as bytes, then cast and normalised.
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import type { Graph, GraphInput, GraphNode } from '../graph/graph.ts'
import { applyBinary } from './arithmetic.ts'
import { writeCast } from './cast.ts'
import type { Emitter } from './emitter.ts'
import { describeExtents } from './extent.ts'
import { computedType, known } from './known.ts'
import { inOrder, store } from './layout.ts'
import { pixelsName } from './model.ts'
import { add, multiply } from './operators/arithmetic.ts'
import { channelsFirst, plainOrder } from './permutation.ts'
import type { Stored, Value } from './value.ts'

/** `pixel * scale + offset` a channel, for models that take floats. */
export interface InputStage {
  readonly scale: readonly [number, number, number]
  readonly offset: readonly [number, number, number]
}

export interface ImageInput {
  /** The signature's name for it. */
  readonly name: string
  /** Its node in the TensorFlow graph. */
  readonly node: string
  readonly dtype: 'uint8' | 'float32'
  /** What pixels are as integers where that is not uint8; null otherwise. */
  readonly integer: DataType | null
  readonly height: number
  readonly width: number
  /** Whether the graph takes [batch, 3, height, width], as networks that come from PyTorch do. */
  readonly channelsFirst: boolean
  /** The only batch size the model takes, or null where it takes any. */
  readonly batch: number | null
}

/** Operators that want images channels first. */
const spatialOperators = new Set(['Conv2D', 'DepthwiseConv2dNative', 'MaxPool', 'AvgPool'])

/** Integers that hold every value of a pixel. */
const pixelTypes = new Set<DataType>([
  ...(['uint8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64'] as const),
])

/** What exports for TensorFlow Serving often have: it fits no service that decodes images itself. */
export const takesText =
  'it takes encoded images or tf.Example records; this service decodes images itself, so export a ' +
  'signature that takes pixels [N, height, width, 3]'

/** Where the colours and the sides stand in what follows the batch; colours come last where both may be meant. */
export function layoutOf(sizes: readonly number[]) {
  const isLast = sizes[2] === 3
  return { channelsFirst: !isLast, sides: isLast ? sizes.slice(0, 2) : sizes.slice(1) }
}

/** The model's one image input. @throws ModelError `unsupported` where it has none */
export function readImageInput(
  graph: Graph,
  { model, openSize = 0 }: { readonly model: string; readonly openSize?: number },
): ImageInput {
  const [input] = graph.inputs.filter(
    ({ shape }) => shape?.length === 4 && (shape[3] === 3 || shape[1] === 3),
  )
  if (input === undefined) {
    const found = graph.inputs.map(
      (one) => `${one.name} ${one.dtype} ${describeExtents(one.shape)}`,
    )
    const why = graph.inputs.some(({ dtype }) => dtype === 'string') ? `: ${takesText}` : ''
    throw new ModelError(
      'unsupported',
      `model ${model}: expected an image input [batch, height, width, 3] or [batch, 3, height, width], found ${found.join(', ') || 'none'}${why}.`,
    )
  }
  const computed = computedType(input.dtype)
  const [batch = 0, ...sizes] = input.shape ?? []
  const layout = layoutOf(sizes)
  const [height, width] = layout.sides.map((side) => (side < 1 ? openSize : side)) as [
    number,
    number,
  ]
  const isFloat = computed === 'float32'
  if (!(isFloat || pixelTypes.has(computed)) || height < 1 || width < 1) {
    throw new ModelError('unsupported', `model ${model}: ${describeInput(input)}`)
  }
  return {
    name: input.name,
    node: input.node,
    dtype: isFloat ? 'float32' : 'uint8',
    integer: isFloat || computed === 'uint8' ? null : computed,
    height,
    width,
    channelsFirst: layout.channelsFirst,
    batch: batch > 0 ? batch : null,
  }
}

function describeInput({ name, dtype, shape }: GraphInput): string {
  return (
    `its input "${name}" is ${dtype} ${describeExtents(shape)}, expected integers or floats, ` +
    'with height and width fixed in the signature.'
  )
}

/**
 * The value of the model's input, made from uint8 [batch, height, width, 3], or with no stage from
 * what the signature takes.
 */
export function writeInput(
  emitter: Emitter,
  input: ImageInput,
  { stage, live }: { stage: InputStage | null; live: readonly GraphNode[] },
): Value {
  const shape = [input.batch ?? -1, input.height, input.width, 3]
  const pixels: Stored = {
    kind: 'stored',
    name: pixelsName,
    dtype: stage === null ? input.dtype : 'uint8',
    shape,
    order: plainOrder(4),
  }
  emitter.enter('input')
  const isSpatial = live.some(({ op }) => spatialOperators.has(op))
  const arranged = isSpatial ? inOrder(emitter, pixels, channelsFirst(4)) : pixels
  const value = stage === null ? arranged : asTaken(emitter, arranged, { input, stage })
  return input.channelsFirst ? asChannelsFirst(emitter, value) : value
}

function asTaken(
  emitter: Emitter,
  pixels: Stored,
  { input, stage }: { readonly input: ImageInput; readonly stage: InputStage },
): Value {
  if (input.integer !== null) return writeCast(emitter, pixels, input.integer)
  return input.dtype === 'uint8' ? pixels : normalize(emitter, pixels, stage)
}

/** The image that TensorFlow sees as [batch, 3, height, width]: the same bytes under other names. */
function asChannelsFirst(emitter: Emitter, value: Value): Stored {
  const stored = store(emitter, value)
  const axes = channelsFirst(4)
  return {
    ...stored,
    shape: axes.map((axis) => stored.shape[axis] as number),
    order: stored.order.map((axis) => axes.indexOf(axis)),
  }
}

function normalize(emitter: Emitter, pixels: Stored, { scale, offset }: InputStage): Value {
  const cast = writeCast(emitter, pixels, 'float32')
  const scaled = applyBinary(emitter, multiply, cast, known('float32', [3], scale))
  return applyBinary(emitter, add, scaled, known('float32', [3], offset))
}
