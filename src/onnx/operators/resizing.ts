// Resizing of images, and moving pixels between space and channels.
import { elementType } from '../encode.ts'
import { known, tensorFromKnown } from '../known.ts'
import { inOrder } from '../layout.ts'
import { int, type OnnxAttributes, text } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Stored, Value } from '../value.ts'
import { imageAxes, imageShape } from '../window.ts'

function resize(operation: Operation, mode: 'linear' | 'nearest'): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const sizes = operation.integers(1, 'size')
  const given = inOrder(emitter, operation.input(0), axes.order)
  const x = mode === 'linear' ? asFloat(operation, given) : given
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: x.shape[axes.channel] as number,
    sizes,
  })
  const attributes = {
    mode: text(mode),
    ...pixelCentres(operation),
  }
  // Scales, not sizes: those would need the batch, and naming axes fails in ONNX Runtime 1.30.
  const scales = axes.spatial.map((axis, i) =>
    scaleFor(x.shape[axis] as number, sizes[i] as number),
  )
  const vector = tensorFromKnown(known('float32', [4], [1, 1, ...scales]))
  const inputs = [x.name, '', emitter.constant(vector)]
  return emitter.node('Resize', { inputs, attributes }, { ...x, shape })
}

/** A float32 scale whose product with `size` is not rounded below `wanted`. */
function scaleFor(size: number, wanted: number): number {
  const scale = Math.fround(wanted / size)
  const isEnough = Math.floor(Math.fround(scale * size)) >= wanted
  return isEnough ? scale : Math.fround(scale * (1 + 2 ** -23))
}

/** Where TensorFlow takes a pixel's place from, and which neighbour it calls the nearest. */
function pixelCentres(operation: Operation): OnnxAttributes {
  if (operation.bool('align_corners', false)) {
    return {
      coordinate_transformation_mode: text('align_corners'),
      nearest_mode: text('round_prefer_ceil'),
    }
  }
  if (operation.bool('half_pixel_centers', false)) {
    return {
      coordinate_transformation_mode: text('half_pixel'),
      nearest_mode: text('round_prefer_ceil'),
    }
  }
  return { coordinate_transformation_mode: text('asymmetric'), nearest_mode: text('floor') }
}

/** TensorFlow's bilinear resize of integers gives floats. */
export function asFloat({ emitter }: Operation, x: Stored): Stored {
  if (x.dtype === 'float32') return x
  const attributes = { to: int(elementType('float32')) }
  return emitter.node('Cast', { inputs: [x.name], attributes }, { ...x, dtype: 'float32' })
}

function moveSpace(operation: Operation, op: 'DepthToSpace' | 'SpaceToDepth'): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const block = operation.int('block_size', 1)
  const x = inOrder(emitter, operation.input(0), axes.order)
  const grow = op === 'DepthToSpace' ? block : 1 / block
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: (x.shape[axes.channel] as number) / grow ** 2,
    sizes: axes.spatial.map((axis) => (x.shape[axis] as number) * grow),
  })
  // DepthToSpace's default order of channels, DCR, is TensorFlow's.
  return emitter.node(
    op,
    { inputs: [x.name], attributes: { blocksize: int(block) } },
    { ...x, shape },
  )
}

export const resizingOperators: Readonly<Record<string, Operator>> = {
  ResizeBilinear: (operation) => resize(operation, 'linear'),
  ResizeNearestNeighbor: (operation) => resize(operation, 'nearest'),
  DepthToSpace: (operation) => moveSpace(operation, 'DepthToSpace'),
  SpaceToDepth: (operation) => moveSpace(operation, 'SpaceToDepth'),
}
