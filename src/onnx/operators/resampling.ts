// Resizing that ONNX has no equal of (bicubic, area, antialiased): each axis is one product with a
// matrix of weights, which is known at conversion because the sizes are.

import { known, tensorFromKnown } from '../known.ts'
import { arrangeKnown, inOrder } from '../layout.ts'
import type { Operation, Operator } from '../operation.ts'
import { channelsFirst } from '../permutation.ts'
import {
  type AxisWeights,
  areaWeights,
  cubicWeights,
  kernels,
  scaledWeights,
} from '../resampling-weights.ts'
import type { Value } from '../value.ts'
import { asFloat } from './resizing.ts'

type Axis = Pick<AxisWeights, 'wanted' | 'given'>

/** Height and width of images [n, height, width, channels], resampled one after the other. */
function resample(operation: Operation, weigh: (axis: Axis, index: number) => AxisWeights): Value {
  const { emitter } = operation
  const sizes = operation.integers(1, 'size')
  const x = asFloat(operation, inOrder(emitter, operation.input(0), channelsFirst(4)))
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const [rows, columns] = [height, width].map((given, index) => {
    const { wanted, rows } = weigh({ given, wanted: sizes[index] as number }, index)
    return known('float32', [wanted, given], rows)
  }) as [ReturnType<typeof known>, ReturnType<typeof known>]
  const shape = [batch, rows.shape[0] as number, width, channels]
  const vertical = emitter.constant(tensorFromKnown(rows))
  const tall = emitter.node('MatMul', { inputs: [vertical, x.name] }, { ...x, shape })
  const horizontal = emitter.constant(tensorFromKnown(arrangeKnown(columns, [1, 0])))
  const resized = shape.with(2, columns.shape[0] as number)
  return emitter.node('MatMul', { inputs: [tall.name, horizontal] }, { ...x, shape: resized })
}

/** Given pixels a wanted one. */
function scaleOf(operation: Operation, { given, wanted }: Axis): number {
  const isAligned = operation.bool('align_corners', false) && wanted > 1
  return isAligned ? (given - 1) / (wanted - 1) : given / wanted
}

function scaleAndTranslate(operation: Operation): Value {
  const type = operation.text('kernel_type', 'lanczos3')
  const kernel = kernels[type] ?? operation.unsupported(`has the kernel ${type}`)
  const [scales, translations] = ['scale', 'translation'].map((role, i) =>
    Array.from(operation.constant(i + 2, role).elements),
  ) as [number[], number[]]
  const antialias = operation.bool('antialias', true)
  return resample(operation, (axis, index) => {
    const [scale, translation] = [scales[index] as number, translations[index] as number]
    return scaledWeights(axis, kernel, { scale, translation, antialias })
  })
}

export const resamplingOperators: Readonly<Record<string, Operator>> = {
  ResizeBicubic: (operation) => {
    const halfPixel = operation.bool('half_pixel_centers', false)
    return resample(operation, (axis) =>
      cubicWeights(axis, { scale: scaleOf(operation, axis), halfPixel }),
    )
  },
  ResizeArea: (operation) =>
    resample(operation, (axis) => areaWeights(axis, scaleOf(operation, axis))),
  ScaleAndTranslate: scaleAndTranslate,
}
