// AttrValue <-> attribute
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/attr_value.proto).
import { create } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { DataType } from '../graph/data-type.ts'
import type { Attribute } from '../graph/graph.ts'
import { dataTypeFromNumber, dataTypeName, dataTypeNumber } from './data-types.ts'
import {
  type AttrValue,
  type AttrValue_ListValue,
  AttrValue_ListValueSchema,
  AttrValueSchema,
} from './generated/saved_model_pb.ts'
import { shapeFromProto, shapeToProto } from './shape-proto.ts'
import { type RepeatBudget, tensorFromProto } from './tensor-proto.ts'

const utf8 = new TextDecoder()

/**
 * @param where names file, node and attribute, for messages
 * @throws ModelError `unsupported` for functions, placeholders and types that a graph cannot hold
 */
export function attributeFromProto(
  { value }: AttrValue,
  where: string,
  budget: RepeatBudget,
): Attribute {
  switch (value.case) {
    case 's':
      return { kind: 'string', value: utf8.decode(value.value) }
    case 'i':
      return { kind: 'int', value: safeInteger(value.value, where) }
    case 'f':
      return { kind: 'float', value: value.value }
    case 'b':
      return { kind: 'bool', value: value.value }
    case 'type':
      return { kind: 'type', value: knownType(value.value, where) }
    case 'shape':
      return { kind: 'shape', value: shapeFromProto(value.value, where) }
    case 'tensor':
      return { kind: 'tensor', value: tensorFromProto(value.value, where, budget) }
    case 'list':
      return listFromProto(value.value, where)
    default:
      throw new ModelError(
        'unsupported',
        `${where}: a value of kind ${value.case ?? 'nothing'} is not supported`,
      )
  }
}

/** A list says its kind by its elements; an empty one counts as integers (explicit_paddings). */
function listFromProto(list: AttrValue_ListValue, where: string): Attribute {
  if (list.func.length + list.tensor.length > 0) {
    throw new ModelError('unsupported', `${where}: lists of functions or tensors are not supported`)
  }
  if (list.s.length > 0) {
    return { kind: 'strings', value: list.s.map((text) => utf8.decode(text)) }
  }
  if (list.f.length > 0) {
    return { kind: 'floats', value: list.f }
  }
  if (list.type.length > 0) {
    return { kind: 'types', value: list.type.map((type) => knownType(type, where)) }
  }
  if (list.shape.length > 0) {
    return { kind: 'shapes', value: list.shape.map((shape) => shapeFromProto(shape, where)) }
  }
  if (list.b.length > 0) {
    return { kind: 'ints', value: list.b.map(Number) }
  }
  return { kind: 'ints', value: list.i.map((i) => safeInteger(i, where)) }
}

function knownType(number: number, where: string): DataType {
  const type = dataTypeFromNumber(number)
  if (type === undefined) {
    throw new ModelError('unsupported', `${where}: ${dataTypeName(number)} is not supported`)
  }
  return type
}

function safeInteger(value: bigint, where: string): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) {
    throw new ModelError('unsupported', `${where}: ${value} is larger than 2^53`)
  }
  return number
}

export function attributeToProto(attribute: Attribute): AttrValue {
  return create(AttrValueSchema, { value: valueToProto(attribute) })
}

function valueToProto(attribute: Attribute): AttrValue['value'] {
  switch (attribute.kind) {
    case 'int':
      return { case: 'i', value: BigInt(attribute.value) }
    case 'float':
      return { case: 'f', value: attribute.value }
    case 'bool':
      return { case: 'b', value: attribute.value }
    case 'string':
      return { case: 's', value: Buffer.from(attribute.value) }
    case 'type':
      return { case: 'type', value: dataTypeNumber(attribute.value) }
    case 'shape':
      return { case: 'shape', value: shapeToProto(attribute.value) }
    case 'tensor':
      throw new TypeError('tensors are written by node-encoding.ts. This is a bug.')
    default:
      return { case: 'list', value: listToProto(attribute) }
  }
}

type ListAttribute = Extract<Attribute, { readonly value: readonly unknown[] }> & {
  readonly kind: 'ints' | 'floats' | 'strings' | 'types' | 'shapes'
}

function listToProto(attribute: ListAttribute): AttrValue_ListValue {
  switch (attribute.kind) {
    case 'ints':
      return create(AttrValue_ListValueSchema, { i: attribute.value.map(BigInt) })
    case 'floats':
      return create(AttrValue_ListValueSchema, { f: [...attribute.value] })
    case 'strings':
      return create(AttrValue_ListValueSchema, {
        s: attribute.value.map((text) => Buffer.from(text)),
      })
    case 'types':
      return create(AttrValue_ListValueSchema, { type: attribute.value.map(dataTypeNumber) })
    case 'shapes':
      return create(AttrValue_ListValueSchema, { shape: attribute.value.map(shapeToProto) })
  }
}
