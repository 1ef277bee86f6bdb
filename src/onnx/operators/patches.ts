// Patches of images, as vision transformers of tf.image.extract_patches take them: the pixels of each
// window side by side, row by row.
import { float32Tensor } from '../../graph/tensor.ts'
import { inOrder } from '../layout.ts'
import { int, ints } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Stored, Value } from '../value.ts'
import { type ImageAxes, imageAxes, imageShape, readWindow, type Window } from '../window.ts'
import { cutAxes, wholeAxis } from './slicing.ts'

function extractPatches(operation: Operation): Value {
  const axes = imageAxes(operation)
  const given = operation.input(0)
  const kernel = operation.ints('ksizes', [1, 1, 1, 1]).slice(1, 3)
  const window = readWindow(operation, axes, { kernel, shape: given.shape, dilationsName: 'rates' })
  if (given.dtype !== 'float32') operation.unsupported(`takes patches of ${given.dtype}`)
  return tilesExactly(window)
    ? moveTiles(operation, axes, window)
    : copyWindows(operation, axes, window)
}

/** Square windows one beside the other. */
function tilesExactly({ kernel, strides, dilations, pads }: Window): boolean {
  const [side] = kernel
  return (
    [...kernel, ...strides].every((size) => size === side) &&
    dilations.every((rate) => rate === 1) &&
    pads.every((size) => size === 0)
  )
}

function moveTiles(operation: Operation, axes: ImageAxes, { kernel, outputSizes }: Window): Stored {
  const { emitter } = operation
  const side = kernel[0] as number
  const given = operation.input(0)
  const covered = given.shape.map(wholeAxis)
  axes.spatial.forEach((axis, i) => {
    covered[axis] = wholeAxis((outputSizes[i] as number) * side)
  })
  const x = inOrder(emitter, cutAxes(operation, given, covered), axes.order)
  const shape = patchesShape(x, axes, { kernel, outputSizes })
  const attributes = { blocksize: int(side) }
  return emitter.node('SpaceToDepth', { inputs: [x.name], attributes }, { ...x, shape })
}

/** A convolution each of whose channels copies one pixel of the window. */
function copyWindows(operation: Operation, axes: ImageAxes, window: Window): Stored {
  const { emitter } = operation
  const x = inOrder(emitter, operation.input(0), axes.order)
  const channels = x.shape[axes.channel] as number
  const area = window.kernel.reduce((product, size) => product * size, 1)
  const weights = new Float32Array(area * channels * channels * area)
  for (let at = 0; at < area; at++) {
    for (let channel = 0; channel < channels; channel++) {
      weights[((at * channels + channel) * channels + channel) * area + at] = 1
    }
  }
  const kernel = float32Tensor([area * channels, channels, ...window.kernel], weights)
  const attributes = {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    pads: ints(window.pads),
  }
  const inputs = [x.name, emitter.constant(kernel)]
  return emitter.node(
    'Conv',
    { inputs, attributes },
    { ...x, shape: patchesShape(x, axes, window) },
  )
}

function patchesShape(
  x: Stored,
  axes: ImageAxes,
  { kernel, outputSizes }: Pick<Window, 'kernel' | 'outputSizes'>,
): number[] {
  const channels = kernel.reduce((product, size) => product * size, x.shape[axes.channel] as number)
  return imageShape(axes, { batch: x.shape[0] as number, channels, sizes: outputSizes })
}

export const patchOperators: Readonly<Record<string, Operator>> = {
  ExtractImagePatches: extractPatches,
}
