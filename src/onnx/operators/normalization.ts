// Batch normalisation at inference: a scale and an offset a channel, both known at conversion.
import { applyBinary } from '../arithmetic.ts'
import { type Known, known, reshapeKnown } from '../known.ts'
import { inOrder } from '../layout.ts'
import { float, int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { channelsFirst } from '../permutation.ts'
import type { Value } from '../value.ts'
import { imageAxes } from '../window.ts'
import { add, multiply } from './arithmetic.ts'

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, as x * factor + shift. */
function normalizeBatch(operation: Operation): Value {
  if (operation.bool('is_training', true)) {
    operation.unsupported('is in training mode (export the model for inference)')
  }
  const roles = ['scale', 'offset', 'mean', 'variance']
  const [scale, offset, mean, variance] = roles.map((role, i) =>
    operation.constant(i + 1, role),
  ) as [Known, Known, Known, Known]
  const epsilon = operation.float('epsilon', 1e-3)
  const channels = scale.elements.length
  // In float64, so that folding adds no rounding of its own.
  const factor = Float64Array.from(
    scale.elements,
    (value, i) => value / Math.sqrt((variance.elements[i] as number) + epsilon),
  )
  const shift = Float64Array.from(
    offset.elements,
    (value, i) => value - (mean.elements[i] as number) * (factor[i] as number),
  )
  const isLast = imageAxes(operation).channel === 3
  const perChannel = (values: Float64Array) =>
    reshapeKnown(known('float32', [channels], values), isLast ? [channels] : [channels, 1, 1])
  const scaled = applyBinary(operation.emitter, multiply, operation.input(0), perChannel(factor))
  return applyBinary(operation.emitter, add, scaled, perChannel(shift))
}

/** Across neighbouring channels (AlexNet, GoogLeNet); ONNX divides `alpha` by the size, TensorFlow does not. */
function normalizeLocally(operation: Operation): Value {
  const x = inOrder(operation.emitter, operation.input(0), channelsFirst(4))
  const size = 2 * operation.int('depth_radius', 5) + 1
  const attributes = {
    size: int(size),
    alpha: float(operation.float('alpha', 1) * size),
    beta: float(operation.float('beta', 0.5)),
    bias: float(operation.float('bias', 1)),
  }
  return operation.emitter.node('LRN', { inputs: [x.name], attributes }, x)
}

/** (x - mean of the image's channel) * factor + mean. */
function adjustContrast(operation: Operation): Value {
  const { emitter } = operation
  const x = inOrder(emitter, operation.input(0), channelsFirst(4))
  const factor = operation.constant(1, 'factor')
  const shape = [x.shape[0] as number, 1, 1, x.shape[3] as number]
  const mean = emitter.node('GlobalAveragePool', { inputs: [x.name] }, { ...x, shape })
  const away = applyBinary(emitter, { op: 'Sub', compute: (a, b) => a - b }, x, mean)
  return applyBinary(emitter, add, applyBinary(emitter, multiply, away, factor), mean)
}

/** The oldest form of batch normalisation, in graphs frozen with TensorFlow 0.x and 1.x. */
function normalizeGlobally(operation: Operation): Value {
  const roles = ['mean', 'variance', 'offset', 'scale']
  const [mean, variance, offset, scale] = roles.map((role, i) =>
    operation.constant(i + 1, role),
  ) as [Known, Known, Known, Known]
  const epsilon = operation.float('variance_epsilon', 1e-3)
  const isScaled = operation.bool('scale_after_normalization', false)
  const factor = Float64Array.from(
    variance.elements,
    (value, i) => (isScaled ? (scale.elements[i] as number) : 1) / Math.sqrt(value + epsilon),
  )
  const shift = offset.elements.map(
    (value, i) => value - (mean.elements[i] as number) * (factor[i] as number),
  )
  const vector = (values: ArrayLike<number>) => known('float32', [values.length], values)
  const { emitter } = operation
  const scaled = applyBinary(emitter, multiply, operation.input(0), vector(factor))
  return applyBinary(emitter, add, scaled, vector(shift))
}

export const normalizationOperators: Readonly<Record<string, Operator>> = {
  AdjustContrastv2: adjustContrast,
  BatchNormWithGlobalNormalization: normalizeGlobally,
  FusedBatchNorm: normalizeBatch,
  FusedBatchNormV2: normalizeBatch,
  FusedBatchNormV3: normalizeBatch,
  LRN: normalizeLocally,
}
