// Convolutions: kernels become [out, in, height, width] at conversion, images lie channels first.
import { type Known, reshapeKnown, tensorFromKnown } from '../known.ts'
import { arrangeKnown, inOrder } from '../layout.ts'
import { int, ints } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'
import { imageAxes, imageShape, readWindow } from '../window.ts'

/** Conv2D: kernel [height, width, in / groups, out]; fewer inputs than channels means groups. */
function convolve(operation: Operation): Value {
  const kernel = operation.constant(1, 'kernel')
  const channels = channelsOf(operation)
  const perGroup = kernel.shape[2] as number
  if (channels % perGroup !== 0) {
    operation.unsupported(`has a kernel for ${perGroup} channels over ${channels}`)
  }
  const weights = arrangeKnown(kernel, [3, 2, 0, 1])
  return writeConvolution(operation, weights, channels / perGroup)
}

/** DepthwiseConv2dNative: kernel [height, width, in, multiplier], a group for each input channel. */
function convolveDepthwise(operation: Operation): Value {
  const kernel = operation.constant(1, 'kernel')
  const [height, width, channels, multiplier] = kernel.shape as [number, number, number, number]
  const arranged = arrangeKnown(kernel, [2, 3, 0, 1])
  const weights = reshapeKnown(arranged, [channels * multiplier, 1, height, width])
  return writeConvolution(operation, weights, channels)
}

/** @param weights [out, in / groups, height, width] */
function writeConvolution(operation: Operation, weights: Known, groups: number): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const { shape: given } = operation.input(0)
  const window = readWindow(operation, axes, { kernel: weights.shape.slice(2), shape: given })
  const x = inOrder(emitter, operation.input(0), axes.order)
  const attributes = {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    pads: ints(window.pads),
    group: int(groups),
  }
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: weights.shape[0] as number,
    sizes: window.outputSizes,
  })
  const inputs = [x.name, emitter.constant(tensorFromKnown(weights))]
  return emitter.node('Conv', { inputs, attributes }, { ...x, shape })
}

/** Conv2DBackpropInput, a transposed convolution: kernel [height, width, out, in]. */
function convolveTransposed(operation: Operation): Value {
  const { emitter } = operation
  const sizes = imageSizes(operation)
  const kernel = operation.constant(1, 'kernel')
  const axes = imageAxes(operation)
  const weights = arrangeKnown(kernel, [3, 2, 0, 1])
  // The window is that of the convolution which makes the input of what is the output here.
  const window = readWindow(operation, axes, { kernel: weights.shape.slice(2), shape: sizes })
  const x = inOrder(emitter, operation.input(2), axes.order)
  const given = axes.spatial.map((axis) => x.shape[axis] as number)
  if (window.outputSizes.some((size, i) => size !== given[i])) {
    operation.unsupported(`makes images of [${sizes}], which do not fit`)
  }
  const attributes = {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    pads: ints(window.pads),
    output_padding: ints(window.leftOver),
  }
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: weights.shape[1] as number,
    sizes: axes.spatial.map((axis) => sizes[axis] as number),
  })
  const inputs = [x.name, emitter.constant(tensorFromKnown(weights))]
  return emitter.node('ConvTranspose', { inputs, attributes }, { ...x, shape })
}

/** [batch, height, width, channels] of the images to make; the batch is not looked at. */
function imageSizes(operation: Operation): number[] {
  const sizes = operation.input(0)
  if (sizes.kind !== 'known')
    return operation.unsupported('takes its image sizes from computed values')
  return Array.from(sizes.elements)
}

function channelsOf(operation: Operation): number {
  const { channel } = imageAxes(operation)
  const { shape } = operation.input(0)
  return shape[channel] ?? operation.unsupported('expects an image batch of rank 4')
}

export const convolutionOperators: Readonly<Record<string, Operator>> = {
  Conv2D: convolve,
  Conv2DBackpropInput: convolveTransposed,
  DepthwiseConv2dNative: convolveDepthwise,
}
