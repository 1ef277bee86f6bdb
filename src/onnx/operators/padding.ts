// Operators that pad, repeat and pick along axes.
import { elementCount } from '../../graph/tensor.ts'
import { writeCast } from '../cast.ts'
import { sameExtents } from '../extent.ts'
import { type Known, known, pick, requireRoom, tensorFromKnown } from '../known.ts'
import { inPlainOrder, reshape, store } from '../layout.ts'
import { int, text } from '../model.ts'
import type { Operation, Operator } from '../operation.ts'
import { plainOrder } from '../permutation.ts'
import type { Stored, Value } from '../value.ts'
import { stridesOf, walkIndices } from '../walk.ts'
import { concatenate } from './joining.ts'
import { cutAxes, wholeAxis } from './slicing.ts'

function padMirrored(operation: Operation): Value {
  if (operation.text('mode', '') === 'REFLECT') return pad(operation)
  // ONNX has no SYMMETRIC, which repeats the edge: the mirrored strips are joined on.
  const paddings = operation.integers(1, 'paddings') // [rank, 2]
  return operation.input(0).shape.reduce((x: Value, size, axis) => {
    const [before, after] = paddings.slice(2 * axis, 2 * axis + 2) as [number, number]
    const strip = (last: number, count: number) =>
      cutAxes(
        operation,
        x,
        x.shape.map(wholeAxis).with(axis, { start: last, size: count, step: -1 }),
      )
    const front = before > 0 ? [strip(before - 1, before)] : []
    const back = after > 0 ? [strip(size - 1, after)] : []
    return concatenate(operation, [...front, x, ...back], axis)
  }, operation.input(0))
}

function pad(operation: Operation): Value {
  const { emitter } = operation
  const given = operation.input(0)
  const paddings = operation.integers(1, 'paddings') // [rank, 2]
  const isMirrored = operation.text('mode', '') === 'REFLECT'
  const value = operation.node.op === 'PadV2' ? operation.constant(2, 'value') : null
  if (given.kind === 'known' && given.perBatch === undefined && !isMirrored) {
    return padKnown(given, paddings, value?.elements[0] ?? 0)
  }
  const x = store(emitter, given)
  const shape = x.shape.map((size, axis) => {
    const added = (paddings[2 * axis] as number) + (paddings[2 * axis + 1] as number)
    if (size < 0 && added > 0) operation.unsupported('pads the batch')
    return size < 0 ? size : size + added
  })
  const ofSide = (side: number) => x.order.map((axis) => paddings[2 * axis + side] as number)
  const inputs = [
    x.name,
    emitter.integers([...ofSide(0), ...ofSide(1)]),
    value === null ? '' : emitter.constant(tensorFromKnown(value)),
    // All axes, though that is the default: where they are not named, ONNX Runtime 1.30 folds the
    // zeros into a MaxPool, whose own padding is no zero (operators.test.ts has the case).
    emitter.integers(x.order.map((_, position) => position)),
  ]
  const mode = text(isMirrored ? 'reflect' : 'constant')
  return emitter.node('Pad', { inputs, attributes: { mode } }, { ...x, shape })
}

/** Kernels are padded too: small ones are added to larger ones so. @param paddings [rank, 2] */
function padKnown(x: Known, paddings: readonly number[], value: number): Known {
  const before = x.shape.map((_, axis) => paddings[2 * axis] as number)
  const shape = x.shape.map((size, axis) => {
    return size + (before[axis] as number) + (paddings[2 * axis + 1] as number)
  })
  requireRoom(shape)
  const strides = stridesOf(shape)
  const places = walkIndices(
    x.shape.map((size, axis) => {
      const stride = strides[axis] as number
      return { size, stride, start: (before[axis] as number) * stride }
    }),
  )
  const elements = new Float64Array(elementCount(shape)).fill(value)
  places.forEach((place, i) => {
    elements[place] = x.elements[i] as number
  })
  return known(x.dtype, shape, elements)
}

function gather(operation: Operation): Value {
  if (operation.int('batch_dims', 0) !== 0) return gatherOfEach(operation)
  const x = operation.input(0)
  const axisOperand = operation.node.op === 'GatherV2' ? operation.integers(2, 'axis')[0] : 0
  const axis = operation.axis(axisOperand as number, x.shape.length)
  const isTable = x.kind === 'known' && x.perBatch === undefined
  if (isTable && operation.input(1).kind !== 'known') return gatherComputed(operation, x, axis)
  const indices = operation.constant(1, 'indices')
  const shape = x.shape.toSpliced(axis, 1, ...indices.shape)
  const size = x.shape[axis] as number
  if (size < 0) operation.unsupported('picks from the batch')
  if (x.kind === 'known') return gatherKnown(x, indices, axis)
  // The only one there is: vectorised loops over one image pick it.
  const isFirst = sameExtents(indices.shape, [1]) && indices.elements[0] === 0
  if (size === 1 && isFirst) return x
  const { emitter } = operation
  const stored = inPlainOrder(emitter, x)
  const inputs = [stored.name, emitter.constant(tensorFromKnown({ ...indices, dtype: 'int64' }))]
  const order = shape.map((_, at) => at)
  return emitter.node(
    'Gather',
    { inputs, attributes: { axis: int(axis) } },
    { ...stored, shape, order },
  )
}

/** For each image others, along the first axis behind the batch dimensions. */
function gatherOfEach(operation: Operation): Value {
  const { emitter } = operation
  const [x, indices] = [0, 1].map((i) => inPlainOrder(emitter, operation.input(i))) as [
    Stored,
    Stored,
  ]
  const given = operation.int('batch_dims', 0)
  const batch = given < 0 ? given + indices.shape.length : given
  const axis = operation.axis(operation.integers(2, 'axis')[0] as number, x.shape.length)
  const isShared = sameExtents(x.shape.slice(0, batch), indices.shape.slice(0, batch))
  if (axis !== batch || !isShared) {
    operation.unsupported(`picks others for each image (batch_dims ${batch}) along axis ${axis}`)
  }
  const cast = writeCast(emitter, indices, 'int64')
  const column = inPlainOrder(emitter, reshape(emitter, cast, [...cast.shape, 1]))
  const shape = [...indices.shape, ...x.shape.slice(axis + 1)]
  return emitter.node(
    'GatherND',
    { inputs: [x.name, column.name], attributes: { batch_dims: int(batch) } },
    { ...x, shape, order: plainOrder(shape.length) },
  )
}

/** Picks from a table that is known, such as an embedding, what is computed. */
function gatherComputed(operation: Operation, table: Known, axis: number): Value {
  const { emitter } = operation
  const indices = inPlainOrder(emitter, store(emitter, operation.input(1)))
  const shape = table.shape.toSpliced(axis, 1, ...indices.shape)
  const inputs = [emitter.constant(tensorFromKnown(table)), indices.name]
  const order = plainOrder(shape.length)
  return emitter.node(
    'Gather',
    { inputs, attributes: { axis: int(axis) } },
    { dtype: table.dtype, shape, order },
  )
}

function gatherKnown(x: Known, indices: Known, axis: number): Known {
  const inner = elementCount(x.shape.slice(axis + 1))
  const size = x.shape[axis] as number
  const outer = elementCount(x.shape.slice(0, axis))
  const picked: number[] = []
  for (let row = 0; row < outer; row++) {
    for (const index of indices.elements) {
      for (let i = 0; i < inner; i++) picked.push((row * size + index) * inner + i)
    }
  }
  return pick(x, x.shape.toSpliced(axis, 1, ...indices.shape), Int32Array.from(picked))
}

export const paddingOperators: Readonly<Record<string, Operator>> = {
  Pad: pad,
  PadV2: pad,
  MirrorPad: padMirrored,
  Gather: gather,
  GatherV2: gather,
}
