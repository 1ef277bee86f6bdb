// Resizing of images, and moving pixels between space and channels.
import { writeCast } from '../cast.ts'
import { known, tensorFromKnown } from '../known.ts'
import { inOrder } from '../layout.ts'
import { int, type OnnxAttributes, text } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { positionOf } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'
import { type ImageAxes, imageAxes, imageShape } from '../window.ts'

function resize(operation: Operation, mode: 'linear' | 'nearest'): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const sizes = operation.integers(1, 'size')
  const given = inOrder(emitter, operation.input(0), axes.order)
  const isWhole = axes.spatial.every(
    (axis, i) => (sizes[i] as number) % (given.shape[axis] ?? 1) === 0,
  )
  if (mode === 'nearest' && (!isWhole || operation.bool('align_corners', false))) {
    return pickNearest(operation, given, { axes, sizes })
  }
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

/**
 * Between pixels the nearest one depends on how a product was rounded, and ONNX Runtime divides where
 * TensorFlow multiplies: the pixels are chosen here. Only enlargements by whole numbers have no such ties.
 */
function pickNearest(
  operation: Operation,
  image: Stored,
  { axes, sizes }: { axes: ImageAxes; sizes: readonly number[] },
): Stored {
  const { emitter } = operation
  let x = image
  for (const [i, axis] of axes.spatial.entries()) {
    const pixels = nearestPixels(operation, x.shape[axis] as number, sizes[i] as number)
    const inputs = [x.name, emitter.integers(pixels)]
    const attributes = { axis: int(positionOf(x.order, axis)) }
    const shape = x.shape.with(axis, pixels.length)
    x = emitter.node('Gather', { inputs, attributes }, { ...x, shape })
  }
  return x
}

/** In float32, as tensorflow/core/kernels/image/resize_nearest_neighbor_op.cc computes it. */
function nearestPixels(operation: Operation, given: number, wanted: number): number[] {
  const isAligned = operation.bool('align_corners', false)
  const isCentred = operation.bool('half_pixel_centers', false)
  const isSpread = isAligned && wanted > 1
  const scale = Math.fround(isSpread ? (given - 1) / (wanted - 1) : given / wanted)
  return Array.from({ length: wanted }, (_, i) => {
    const place = Math.fround((isCentred ? i + 0.5 : i) * scale)
    return Math.min(isAligned ? Math.round(place) : Math.floor(place), given - 1)
  })
}

/**
 * A float32 scale whose product with `size` is not rounded below `wanted`: ONNX Runtime computes it once
 * in float32 and once, where it checks what follows, more precisely.
 */
function scaleFor(size: number, wanted: number): number {
  const exact = wanted / size
  const scale = Math.fround(exact)
  return scale >= exact ? scale : Math.fround(scale * (1 + 2 ** -23))
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
  return writeCast(emitter, x, 'float32')
}

function moveSpace(operation: Operation, op: 'DepthToSpace' | 'SpaceToDepth'): Value {
  const { emitter } = operation
  const axes = imageAxes(operation)
  const block = operation.int('block_size', 1)
  const x = inOrder(emitter, operation.input(0), axes.order)
  const isGrowing = op === 'DepthToSpace'
  const channels = x.shape[axes.channel] as number
  const shape = imageShape(axes, {
    batch: x.shape[0] as number,
    channels: isGrowing ? channels / block ** 2 : channels * block ** 2,
    sizes: axes.spatial.map((axis) => {
      const size = x.shape[axis] as number
      return isGrowing ? size * block : size / block
    }),
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
