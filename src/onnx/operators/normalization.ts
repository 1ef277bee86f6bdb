// Batch normalisation at inference: a scale and an offset a channel, both known at conversion.
import { elementCount, float32Values } from '../../graph/tensor.ts'
import { applyBinary } from '../arithmetic.ts'
import { type Known, known, reshapeKnown } from '../known.ts'
import { inOrder, reshape, store } from '../layout.ts'
import { float, int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { channelsFirst, positionOf } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'
import { imageAxes } from '../window.ts'
import { add, multiply } from './arithmetic.ts'

/** FusedBatchNorm's, where an export leaves the attribute out. */
const defaultEpsilon = 1e-4

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, as x * factor + shift. */
function normalizeBatch(operation: Operation): Value {
  if (operation.bool('is_training', true)) return normalizeRows(operation)
  const roles = ['scale', 'offset', 'mean', 'variance']
  const [scale, offset, mean, variance] = roles.map((role, i) =>
    operation.constant(i + 1, role),
  ) as [Known, Known, Known, Known]
  const epsilon = operation.float('epsilon', defaultEpsilon)
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

/**
 * Keras 2 computes layer normalisation as if it trained: what is to be normalised together is a
 * channel of one image, [1, rows, values, 1]. Every other training mode would mix images.
 */
function normalizeRows(operation: Operation): Value {
  const { emitter } = operation
  const x = operation.input(0)
  const isOfRows = imageAxes(operation).channel === 1 && x.shape[0] === 1 && x.shape[3] === 1
  if (!isOfRows || x.shape.length !== 4) {
    return operation.unsupported('is in training mode (export the model for inference)')
  }
  const rows = reshape(emitter, x, x.shape.slice(1, 3))
  const [scale, offset] = [1, 2].map((i) => perRow(operation, operation.input(i)))
  const scaled = applyBinary(emitter, multiply, standardize(operation, rows), scale as Value)
  return reshape(emitter, applyBinary(emitter, add, scaled, offset as Value), x.shape)
}

/** Rows with mean 0 and variance 1; where they are the channels of a map, without moving these. */
function standardize(operation: Operation, rows: Value): Value {
  const { emitter } = operation
  const isOfMap = rows.kind === 'reshaped' && rows.source.shape.at(-1) === rows.shape.at(-1)
  const x = isOfMap ? rows.source : store(emitter, rows)
  const axis = x.shape.length - 1
  const positions = emitter.integers([positionOf(x.order, axis)])
  const kept = { ...x, shape: x.shape.with(axis, 1) }
  const mean = (value: Stored) =>
    emitter.node(
      'ReduceMean',
      { inputs: [value.name, positions], attributes: { keepdims: int(1) } },
      kept,
    )
  const centred = emitter.node('Sub', { inputs: [x.name, mean(x).name] }, x)
  const variance = mean(emitter.node('Mul', { inputs: [centred.name, centred.name] }, x))
  const epsilon = emitter.scalar(operation.float('epsilon', defaultEpsilon))
  const padded = emitter.node('Add', { inputs: [variance.name, epsilon] }, kept)
  const deviation = emitter.node('Sqrt', { inputs: [padded.name] }, kept)
  const result = emitter.node('Div', { inputs: [centred.name, deviation.name] }, x)
  return reshape(emitter, result, rows.shape)
}

/** A value a row as a column; ones and zeros of as many rows as the batch has are one for all. */
function perRow({ emitter }: Operation, vector: Value): Value {
  if (vector.kind === 'known') return reshapeKnown(vector, [vector.elements.length, 1])
  const stored = store(emitter, vector)
  const filling = emitter.nodes.find(({ outputs }) => outputs[0] === stored.name)
  const constant = emitter.initializers.get(filling?.inputs[0] ?? '')
  if (filling?.op === 'Expand' && constant !== undefined && elementCount(constant.shape) === 1) {
    return known('float32', [], float32Values(constant))
  }
  return reshape(emitter, stored, [stored.shape[0] as number, 1])
}

/**
 * Across neighbouring channels (AlexNet, GoogLeNet); ONNX divides `alpha` by the size, TensorFlow does not.
 * The bias is taken out of the power, since OpenVINO computes as if it were 1:
 * x / (bias + alpha * sum)^beta = bias^-beta * x / (1 + alpha / bias * sum)^beta
 */
function normalizeLocally(operation: Operation): Value {
  const { emitter } = operation
  const x = inOrder(emitter, operation.input(0), channelsFirst(4))
  const size = 2 * operation.int('depth_radius', 5) + 1
  const [bias, beta] = [operation.float('bias', 1), operation.float('beta', 0.5)]
  if (!(bias > 0)) operation.unsupported(`has the bias ${bias}, expected one above 0`)
  const attributes = {
    size: int(size),
    alpha: float((operation.float('alpha', 1) / bias) * size),
    beta: float(beta),
    bias: float(1),
  }
  const normalized = emitter.node('LRN', { inputs: [x.name], attributes }, x)
  if (bias === 1) return normalized
  return applyBinary(emitter, multiply, normalized, known('float32', [], [bias ** -beta]))
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
