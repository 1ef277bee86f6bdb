// Matrix products. A dense layer over the channels of a feature map that lies channels first runs
// as a 1x1 convolution, and one over a flattened map takes its weights in the map's order, so that
// neither needs a transpose.

import { broadcastExtents, type Extents } from '../extent.ts'
import { type Known, reshapeKnown, tensorFromKnown } from '../known.ts'
import { sumKnownProducts } from '../known-products.ts'
import { arrangeKnown, inPlainOrder, reshape, store } from '../layout.ts'
import type { Operation, Operator } from '../operation.ts'
import { arrange, channelsFirst, plainOrder, sameOrder } from '../permutation.ts'
import type { Reshaped, Stored, Value } from '../value.ts'
import { multiplyIntegers, type Product } from './integer-products.ts'

/** Letters for the axes of stacked matrices; ranks above 8 nobody multiplies. */
const outerAxes = 'ABCDEF'

function multiplyMatrices(operation: Operation, flags: readonly [string, string]): Value {
  const [swapA, swapB] = flags.map((flag) => operation.bool(flag, false))
  const a = swapA ? swapLast(operation, 0) : operation.input(0)
  const b = swapB ? swapLast(operation, 1) : operation.input(1)
  const folded = multiplyKnown(operation, { a, b })
  if (folded !== null) return folded
  if (a.dtype === 'float32' && b.dtype === 'float32') return multiplyFloats(operation, { a, b })
  if ((a.shape.at(-1) ?? -1) < 0) operation.unsupported('sums over the batch')
  return multiplyIntegers(
    operation,
    { a, b },
    {
      multiply: (product) => multiplyFloats(operation, product),
      multiplyWhole: (product) => writeProduct(operation, product),
    },
  )
}

function multiplyFloats(operation: Operation, { a, b }: Product): Value {
  if (a.kind === 'known' || b.kind !== 'known' || b.shape.length !== 2) {
    return writeProduct(operation, { a, b })
  }
  return multiplyByWeights(operation, a, b)
}

/** Kernels may be products of constants; null where the engine is to multiply them. */
function multiplyKnown({ emitter }: Operation, { a, b }: Product): Known | null {
  if (a.kind !== 'known' || b.kind !== 'known') return null
  const shape = productShape(a.shape, b.shape)
  if (shape === null || shape.length - 2 > outerAxes.length) return null
  const outer = ({ length }: Extents) => outerAxes.slice(outerAxes.length - (length - 2))
  const factors = [
    { value: a, axes: `${outer(a.shape)}ik` },
    { value: b, axes: `${outer(b.shape)}kj` },
  ] as const
  return sumKnownProducts(emitter, factors, `${outer(shape)}ij`)
}

/** @param weights [features, outputs] */
export function multiplyByWeights(
  operation: Operation,
  x: Stored | Reshaped,
  weights: Known,
): Value {
  const [features, outputs] = weights.shape as [number, number]
  if (x.shape.at(-1) !== features) operation.unsupported('multiplies matrices that do not fit')
  const source = x.kind === 'reshaped' ? x.source : x
  const rank = source.shape.length
  if (
    source.shape.at(-1) === features &&
    rank > 2 &&
    sameOrder(source.order, channelsFirst(rank))
  ) {
    const product = convolvePointwise(operation, source, weights)
    return reshape(operation.emitter, product, [...x.shape.slice(0, -1), outputs])
  }
  if (x.kind === 'reshaped' && flattensAllButBatch(x))
    return multiplyFlattened(operation, x, weights)
  return writeProduct(operation, { a: x, b: weights })
}

/** x [n, …, features] channels first, as a convolution with a kernel of one pixel. */
function convolvePointwise({ emitter }: Operation, x: Stored, weights: Known): Stored {
  const [features, outputs] = weights.shape as [number, number]
  const ones = x.shape.slice(2).map(() => 1)
  const kernel = reshapeKnown(arrangeKnown(weights, [1, 0]), [outputs, features, ...ones])
  const inputs = [x.name, emitter.constant(tensorFromKnown(kernel))]
  return emitter.node('Conv', { inputs }, { ...x, shape: [...x.shape.slice(0, -1), outputs] })
}

function flattensAllButBatch({ shape, source }: Reshaped): boolean {
  return shape.length === 2 && shape[0] === source.shape[0] && source.order[0] === 0
}

/** x [n, features] from a map in another order: the rows of the weights take that order instead. */
function multiplyFlattened({ emitter }: Operation, x: Reshaped, weights: Known): Stored {
  const { source } = x
  const outputs = weights.shape[1] as number
  const inner = source.order.slice(1).map((axis) => axis - 1)
  const unflattened = reshapeKnown(weights, [...source.shape.slice(1), outputs])
  const arranged = arrangeKnown(unflattened, [...inner, inner.length])
  const rows = tensorFromKnown(reshapeKnown(arranged, weights.shape))
  const sizes = arrange(source.shape, source.order)
  const asPlain: Stored = { ...source, shape: sizes, order: plainOrder(sizes.length) }
  const flat = reshape(emitter, asPlain, x.shape) as Stored
  return emitter.node(
    'Gemm',
    { inputs: [flat.name, emitter.constant(rows)] },
    { ...flat, shape: [x.shape[0] as number, outputs] },
  )
}

function writeProduct(operation: Operation, { a, b }: Product): Stored {
  const { emitter } = operation
  const [left, right] = [inPlainOrder(emitter, a), inPlainOrder(emitter, b)]
  const shape = productShape(left.shape, right.shape)
  if (shape === null) return operation.unsupported('multiplies matrices that do not fit')
  if ((left.shape.at(-1) as number) < 0) return operation.unsupported('sums over the batch')
  // ONNX Runtime has Gemm for floats only.
  const isDense = b.kind === 'known' && shape.length === 2 && left.dtype === 'float32'
  return emitter.node(
    isDense ? 'Gemm' : 'MatMul',
    { inputs: [left.name, right.name] },
    { dtype: left.dtype, shape, order: plainOrder(shape.length) },
  )
}

function productShape(a: Extents, b: Extents): Extents | null {
  if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) return null
  const batch = broadcastExtents(a.slice(0, -2), b.slice(0, -2))
  return batch && [...batch, a.at(-2) as number, b.at(-1) as number]
}

/** The value with its last two axes exchanged, without moving a byte where it is computed. */
function swapLast(operation: Operation, input: number): Value {
  const given = operation.input(input)
  const value = given.kind === 'reshaped' ? store(operation.emitter, given) : given
  const rank = value.shape.length
  const swapped = [...plainOrder(rank - 2), rank - 1, rank - 2]
  if (value.kind === 'known') return arrangeKnown(value, swapped)
  return {
    ...value,
    shape: arrange(value.shape, swapped),
    order: value.order.map((axis) => swapped[axis] as number),
  }
}

export const matrixOperators: Readonly<Record<string, Operator>> = {
  MatMul: (operation) => multiplyMatrices(operation, ['transpose_a', 'transpose_b']),
  BatchMatMul: (operation) => multiplyMatrices(operation, ['adj_x', 'adj_y']),
  BatchMatMulV2: (operation) => multiplyMatrices(operation, ['adj_x', 'adj_y']),
  BatchMatMulV3: (operation) => multiplyMatrices(operation, ['adj_x', 'adj_y']),
}
