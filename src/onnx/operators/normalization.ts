// Batch normalisation at inference: a scale and an offset a channel, both known at conversion.
import { applyBinary } from '../arithmetic.ts'
import { type Known, known, reshapeKnown } from '../known.ts'
import type { Operation, Operator } from '../operation.ts'
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

export const normalizationOperators: Readonly<Record<string, Operator>> = {
  FusedBatchNorm: normalizeBatch,
  FusedBatchNormV2: normalizeBatch,
  FusedBatchNormV3: normalizeBatch,
}
