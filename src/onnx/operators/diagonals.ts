// Matrices known by their diagonals, as tf.eye and triangular masks come in graphs: constants only.
import { type Known, known, requireRoom } from '../known.ts'
import type { Operation, Operator } from '../operation.ts'
import type { Value } from '../value.ts'

/** Square, with the values on the main diagonal and zeros elsewhere. */
function fromDiagonal(operation: Operation): Known {
  const diagonal = operation.constant(0, 'diagonal')
  const size = diagonal.shape.at(-1) ?? 1
  const given = operation.inputs.slice(1).flatMap((_, i) => operation.integers(i + 1, 'form'))
  // k, rows, columns, the value elsewhere: -1 for a size leaves it open.
  const [k = 0, rows = -1, columns = -1, elsewhere = 0] = given
  const isSquare = [rows, columns].every((count) => count === -1 || count === size)
  if (k !== 0 || !isSquare || elsewhere !== 0) {
    return operation.unsupported(`places a diagonal otherwise than in a square (${given})`)
  }
  requireRoom([...diagonal.shape, size])
  const elements = new Float64Array(diagonal.elements.length * size)
  diagonal.elements.forEach((value, i) => {
    elements[i * size + (i % size)] = value
  })
  return known(diagonal.dtype, [...diagonal.shape, size], elements)
}

/** What lies within so many places of the main diagonal, a negative number meaning any; zeros elsewhere. */
function keepBand(operation: Operation): Value {
  const x = operation.constant(0, 'matrix')
  const [below = 0] = operation.integers(1, 'lower number')
  const [above = 0] = operation.integers(2, 'upper number')
  const [rows = 1, columns = 1] = x.shape.slice(-2)
  const elements = x.elements.map((value, i) => {
    const offset = (i % columns) - (Math.floor(i / columns) % rows)
    const isKept = (below < 0 || -offset <= below) && (above < 0 || offset <= above)
    return isKept ? value : 0
  })
  return known(x.dtype, x.shape, elements)
}

export const diagonalOperators: Readonly<Record<string, Operator>> = {
  MatrixBandPart: keepBand,
  MatrixDiag: fromDiagonal,
  MatrixDiagV2: fromDiagonal,
  MatrixDiagV3: fromDiagonal,
}
