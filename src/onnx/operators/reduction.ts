// Reductions. The mean over height and width is ONNX's GlobalAveragePool.
import { applyBinary, type Binary, widen } from '../arithmetic.ts'
import { isNarrow, writeCast, writeLowestBits } from '../cast.ts'
import type { Extents } from '../extent.ts'
import { computeWhole, integerBits } from '../integers.ts'
import { type Known, known } from '../known.ts'
import { arrangeKnown, reshape, store } from '../layout.ts'
import { int } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { channelsFirst, plainOrder, positionOf, sameOrder } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'
import { add, multiply } from './arithmetic.ts'
import { concatenate } from './joining.ts'
import { cutAxes, wholeAxis } from './slicing.ts'

interface Reduction {
  readonly op: string
  /** The operator that reduces height and width of a channels-first map at once. */
  readonly globalOp?: string
  compute(elements: readonly number[]): number
  /** What is done with one element after the other, where integers may become too large by it. */
  readonly step?: { readonly of: Binary; readonly from: number }
}

function reduce(operation: Operation, reduction: Reduction): Value {
  const x = operation.input(0)
  const rank = x.shape.length
  const axes = operation
    .integers(1, 'axes')
    .map((axis) => operation.axis(axis, rank))
    .sort((a, b) => a - b)
  const keep = operation.bool('keep_dims', false)
  if (axes.length === 0) return x
  if (axes.some((axis) => (x.shape[axis] as number) < 0)) operation.unsupported('reduces the batch')
  if (x.kind === 'known') return reduceKnown(operation, reduction, { x, axes, keep })
  const { emitter } = operation
  if (reduction.op === 'ReduceProd' && x.dtype in integerBits) {
    const product = multiplyWhole(operation, x, axes)
    return keep ? product : reshape(emitter, product, reducedShape(x.shape, axes, false))
  }
  const isWide = isNarrow(x.dtype) && widely.has(reduction.op)
  const stored = store(emitter, isWide ? widen(emitter, x) : x)
  const kept = reducedShape(stored.shape, axes, true)
  const reduced = writeReduction(operation, reduction, { x: stored, axes, shape: kept })
  const result = isWide ? writeLowestBits(emitter, reduced, x.dtype) : reduced
  return keep ? result : reshape(emitter, result, reducedShape(stored.shape, axes, false))
}

/** What may give more than a narrow type holds, or is there for wider types only. */
const widely = new Set(['ReduceSum', 'ReduceMean'])

/**
 * The product of integers, an axis after the other by halves: ONNX Runtime and OpenVINO end at the bounds
 * of a type, where TensorFlow's lowest bits are left.
 */
function multiplyWhole(operation: Operation, x: Value, axes: readonly number[]): Value {
  const { emitter } = operation
  return axes.reduce((product, axis) => {
    let left = product
    for (let size = left.shape[axis] as number; size > 1; size = Math.ceil(size / 2)) {
      const half = Math.floor(size / 2)
      const part = (start: number, count: number) =>
        cutAxes(
          operation,
          left,
          left.shape.map(wholeAxis).with(axis, { start, size: count, step: 1 }),
        )
      const halves = applyBinary(emitter, multiply, part(0, half), part(half, half))
      left = size % 2 === 0 ? halves : concatenate(operation, [halves, part(2 * half, 1)], axis)
    }
    return left
  }, x)
}

function writeReduction(
  { emitter }: Operation,
  reduction: Reduction,
  { x, axes, shape }: { x: Stored; axes: readonly number[]; shape: Extents },
): Stored {
  const result = { ...x, shape }
  const isSpatial = sameOrder(x.order, channelsFirst(4)) && sameOrder(axes, [1, 2])
  if (isSpatial && reduction.globalOp !== undefined && x.dtype === 'float32') {
    return emitter.node(reduction.globalOp, { inputs: [x.name] }, result)
  }
  const positions = emitter.integers(axes.map((axis) => positionOf(x.order, axis)))
  return emitter.node(
    reduction.op,
    { inputs: [x.name, positions], attributes: { keepdims: int(1) } },
    result,
  )
}

function reducedShape(shape: Extents, axes: readonly number[], keep: boolean): Extents {
  if (keep) return shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
  return shape.filter((_, axis) => !axes.includes(axis))
}

function reduceKnown(
  operation: Operation,
  reduction: Reduction,
  { x, axes, keep }: { x: Known; axes: readonly number[]; keep: boolean },
): Known {
  const others = plainOrder(x.shape.length).filter((axis) => !axes.includes(axis))
  const { elements, perBatch } = arrangeKnown(x, [...others, ...axes])
  const length = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1)
  const count = elements.length / length
  const rows = Array.from({ length: count }, (_, i) =>
    Array.from(elements.subarray(i * length, (i + 1) * length)),
  )
  const reduced = rows.map(rowReduction(reduction, x.dtype))
  const result = known(x.dtype, reducedShape(x.shape, axes, keep), reduced)
  if (perBatch === undefined) return result
  const flags = Array.from({ length: count }, (_, i) =>
    perBatch.subarray(i * length, (i + 1) * length).reduce((sum, flag) => sum + flag, 0),
  )
  if (reduction.op !== 'ReduceProd' || flags.some((flag) => flag > 1)) {
    operation.unsupported('computes with the size of the batch')
  }
  return { ...result, perBatch: Uint8Array.from(flags) }
}

/** How rows of a type are reduced; the mean of integers is one too. */
function rowReduction({ step, compute }: Reduction, dtype: Known['dtype']): Reduction['compute'] {
  if (dtype === 'float32') return compute
  if (step === undefined) return (row) => Math.trunc(compute(row))
  return (row) => row.reduce((a, b) => computeWhole(step.of, [a, b], dtype), step.from)
}

const sum = (elements: readonly number[]) => elements.reduce((total, x) => total + x, 0)

const reductions: Readonly<Record<string, Reduction>> = {
  Mean: {
    op: 'ReduceMean',
    globalOp: 'GlobalAveragePool',
    compute: (elements) => sum(elements) / elements.length,
  },
  Sum: { op: 'ReduceSum', compute: sum, step: { of: add, from: 0 } },
  Max: {
    op: 'ReduceMax',
    globalOp: 'GlobalMaxPool',
    compute: (elements) => elements.reduce((a, b) => Math.max(a, b)),
  },
  Min: { op: 'ReduceMin', compute: (elements) => elements.reduce((a, b) => Math.min(a, b)) },
  EuclideanNorm: {
    op: 'ReduceL2',
    compute: (elements) => Math.sqrt(elements.reduce((total, x) => total + x * x, 0)),
  },
  Prod: {
    op: 'ReduceProd',
    compute: (elements) => elements.reduce((a, b) => a * b, 1),
    step: { of: multiply, from: 1 },
  },
}

/** Truths are reduced as 0 and 1. */
function reduceTruths(operation: Operation, reduction: Reduction): Value {
  const { emitter } = operation
  const cast = (x: Value, dtype: 'int32' | 'bool'): Value => {
    if (x.kind === 'known') return { ...x, dtype }
    return writeCast(emitter, store(emitter, x), dtype)
  }
  const inputs = [cast(operation.input(0), 'int32'), operation.input(1)]
  return cast(reduce(operation.withInputs(inputs), reduction), 'bool')
}

const largest = reductions.Max as Reduction
const smallest = reductions.Min as Reduction

export const reductionOperators: Readonly<Record<string, Operator>> = {
  ...Object.fromEntries(
    Object.entries(reductions).map(([name, reduction]): [string, Operator] => [
      name,
      (operation) => reduce(operation, reduction),
    ]),
  ),
  All: (operation) => reduceTruths(operation, smallest),
  Any: (operation) => reduceTruths(operation, largest),
}
