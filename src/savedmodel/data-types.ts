// TensorFlow's numbers for element types
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/types.proto).
import type { DataType } from '../graph/data-type.ts'

const numberOf: Readonly<Record<DataType, number>> = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  float16: 19,
  uint32: 22,
  uint64: 23,
}

const typeOf = new Map(Object.entries(numberOf).map(([type, n]) => [n, type as DataType]))

/** Types of TensorFlow 1 variables are those of their values plus this. */
const referenceOffset = 100

const otherNames: Readonly<Record<number, string>> = {
  8: 'complex64',
  11: 'qint8',
  12: 'quint8',
  13: 'qint32',
  15: 'qint16',
  16: 'quint16',
  18: 'complex128',
  20: 'resource',
  21: 'variant',
}

export function dataTypeNumber(type: DataType): number {
  return numberOf[type]
}

/** The element type for TensorFlow's number, or `undefined` for one that tensors here cannot have. */
export function dataTypeFromNumber(number: number): DataType | undefined {
  return typeOf.get(number > referenceOffset ? number - referenceOffset : number)
}

/** A name for messages, of supported and unsupported types alike. */
export function dataTypeName(number: number): string {
  return dataTypeFromNumber(number) ?? otherNames[number] ?? `type number ${number}`
}
