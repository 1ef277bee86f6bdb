// Products of integer matrices, exactly. Engines multiply bytes in types of their own or not at all;
// float32 holds every whole number up to 2^24, so sums that stay below it are exact as floats.
import type { DataType } from '../../graph/data-type.ts'
import { applyBinary } from '../arithmetic.ts'
import { writeCast } from '../cast.ts'
import { computedType } from '../known.ts'
import { store } from '../layout.ts'
import type { Operation } from '../operation.ts'
import type { Value } from '../value.ts'
import { add, castTo } from './arithmetic.ts'
import { cutAxes, wholeAxis } from './slicing.ts'

export interface Product {
  /** [..., rows, features] */
  readonly a: Value
  /** [..., features, columns] */
  readonly b: Value
}

/** Writes a product of operands of one type. */
type Multiply = (product: Product) => Value

/** Whole numbers up to here, and none beyond for certain, are float32 numbers. */
const exactFloats = 2 ** 24

/** The largest magnitude of the types whose products are worth multiplying as floats. */
const magnitudes: Readonly<Record<string, number>> = { int8: 2 ** 7, uint8: 2 ** 8 - 1 }

/**
 * The product in the type that the node names: bytes are multiplied as floats, of so many features
 * at once as stay exact, and wider integers as integers, which wrap around as TensorFlow's do.
 * @throws ModelError `unsupported` where one operand is of floats
 */
export function multiplyIntegers(
  operation: Operation,
  { a, b }: Product,
  { multiply, multiplyWhole }: { multiply: Multiply; multiplyWhole: Multiply },
): Value {
  const types = [a.dtype, b.dtype]
  if (types.includes('float32')) {
    operation.unsupported(`multiplies ${types.join(' by ')}, expected operands of one kind`)
  }
  const type = computedType(operation.type('Tout', a.dtype))
  const [left = Infinity, right = Infinity] = types.map((dtype) => magnitudes[dtype])
  const most = Math.floor(exactFloats / (left * right))
  if (most > 0) {
    const parts = splitFeatures(operation, { a, b }, most)
    const products = parts.map((part) => multiply(castBoth(operation, part, 'float32')))
    return castTo(operation, sumWhole(operation, products), type)
  }
  const isLong = types.some((dtype) => dtype === 'int64' || dtype === 'uint64')
  const pair = castBoth(operation, { a, b }, isLong ? 'int64' : 'int32')
  return castTo(operation, multiplyWhole(pair), type)
}

function castBoth(operation: Operation, { a, b }: Product, dtype: DataType): Product {
  return { a: castTo(operation, a, dtype), b: castTo(operation, b, dtype) }
}

/** The sum of floats that are whole numbers, as int32. */
function sumWhole({ emitter }: Operation, products: readonly Value[]): Value {
  return products
    .map((product): Value => writeCast(emitter, store(emitter, product), 'int32'))
    .reduce((total, next) => applyBinary(emitter, add, total, next))
}

/** The operands of products that add up to the one asked for, of at most `most` features each. */
function splitFeatures(operation: Operation, { a, b }: Product, most: number): Product[] {
  const features = a.shape.at(-1) ?? 0
  if (features <= most) return [{ a, b }]
  return Array.from({ length: Math.ceil(features / most) }, (_, i) => {
    const cut = { start: i * most, size: Math.min(most, features - i * most), step: 1 }
    return {
      a: cutAxes(operation, a, a.shape.map(wholeAxis).with(-1, cut)),
      b: cutAxes(operation, b, b.shape.map(wholeAxis).with(-2, cut)),
    }
  })
}
