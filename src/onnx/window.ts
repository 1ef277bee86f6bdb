// The arithmetic of sliding windows: how TensorFlow pads, and what size comes out.
// https://www.tensorflow.org/api_docs/python/tf/nn (notes on padding)
import type { Extents } from './extent.ts'
import type { Operation } from './operation.ts'
import type { AxisOrder } from './permutation.ts'

/** Which logical axes are what, in TensorFlow's `data_format`. */
export interface ImageAxes {
  readonly channel: number
  readonly spatial: readonly [number, number]
  /** How ONNX wants the value to lie: batch, channels, height, width. */
  readonly order: AxisOrder
}

/** A window's geometry over height and width. */
export interface Window {
  readonly kernel: readonly number[] // [2]
  readonly strides: readonly number[] // [2]
  readonly dilations: readonly number[] // [2]
  /** ONNX's order: top, left, bottom, right. */
  readonly pads: readonly number[]
  readonly outputSizes: readonly number[] // [2]
  /** Pixels behind the last window, which no output is made of. */
  readonly leftOver: readonly number[] // [2]
}

export function imageAxes(operation: Operation): ImageAxes {
  const format = operation.text('data_format', 'NHWC')
  if (format === 'NHWC') return { channel: 3, spatial: [1, 2], order: [0, 3, 1, 2] }
  if (format === 'NCHW') return { channel: 1, spatial: [2, 3], order: [0, 1, 2, 3] }
  return operation.unsupported(`has data_format ${format}, expected NHWC or NCHW`)
}

/** The window of a convolution or pooling over images of `shape`, from the node's attributes. */
export function readWindow(
  operation: Operation,
  { spatial }: ImageAxes,
  {
    kernel,
    shape,
    dilationsName = 'dilations',
  }: {
    readonly kernel: readonly number[]
    readonly shape: Extents
    /** The attribute that says how far apart a window's pixels lie. */
    readonly dilationsName?: string
  },
): Window {
  if (shape.length !== 4) operation.unsupported(`expects an image batch of rank 4`)
  const ofAxes = (values: readonly number[]) => spatial.map((axis) => values[axis] ?? 1)
  const strides = ofAxes(operation.ints('strides', [1, 1, 1, 1]))
  const dilations = ofAxes(operation.ints(dilationsName, [1, 1, 1, 1]))
  const explicit = operation.ints('explicit_paddings', [])
  const padding = operation.text('padding', 'VALID')
  const axes = ofAxes(shape).map((size, i) => {
    const reach = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1
    const stride = strides[i] as number
    const axis = spatial[i] as number
    const [before, after] =
      padding === 'EXPLICIT'
        ? [explicit[2 * axis] ?? 0, explicit[2 * axis + 1] ?? 0]
        : automaticPadding(padding === 'SAME', { size, reach, stride })
    const output = Math.floor((size + before + after - reach) / stride) + 1
    if (output < 1) operation.unsupported(`has a window of ${reach} over ${size} pixels`)
    const leftOver = size + before + after - reach - (output - 1) * stride
    return { before, after, output, leftOver }
  })
  return {
    kernel,
    strides,
    dilations,
    pads: [...axes.map(({ before }) => before), ...axes.map(({ after }) => after)],
    outputSizes: axes.map(({ output }) => output),
    leftOver: axes.map(({ leftOver }) => leftOver),
  }
}

/** SAME: the output has ceil(size / stride) pixels, and an odd padding is larger behind. */
function automaticPadding(
  same: boolean,
  { size, reach, stride }: { size: number; reach: number; stride: number },
): [number, number] {
  if (!same) return [0, 0]
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0)
  const before = Math.floor(total / 2)
  return [before, total - before]
}

/** The logical shape of an image batch with other channels and sizes. */
export function imageShape(
  { channel, spatial }: ImageAxes,
  { batch, channels, sizes }: { batch: number; channels: number; sizes: readonly number[] },
): number[] {
  const shape = [batch, 0, 0, 0]
  shape[channel] = channels
  spatial.forEach((axis, i) => {
    shape[axis] = sizes[i] as number
  })
  return shape
}
