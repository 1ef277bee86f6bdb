// An ONNX graph as the bytes of a ModelProto.
// Specification: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { DataType } from '../graph/data-type.ts'
import type { Tensor } from '../graph/tensor.ts'
import {
  type AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProtoSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from './generated/onnx_pb.ts'
import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxPort } from './model.ts'

/** ONNX's operator set that the conversion writes; the IR version is the one it came with. */
export const opsetVersion = 20
const irVersion = 9

/** TensorProto.DataType. */
const elementTypes: Partial<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint32: 12,
  uint64: 13,
}

/** AttributeProto.AttributeType. */
const attributeTypes = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const

/** TensorProto.DataLocation.EXTERNAL: the bytes lie in another file. */
const externalLocation = 1

/** Alignment of each tensor in a weights file, so that a runtime may map it: a page, as ONNX advises. */
const weightsAlignment = 4096

/** Smaller tensors stay in the model file: a runtime's shape inference reads them there. */
const minExternalBytes = 1024

/** A model file and the pieces of the weights file it refers to, at their offsets. */
export interface SplitModel {
  readonly bytes: Uint8Array
  readonly weights: readonly { readonly offset: number; readonly bytes: Uint8Array }[]
  readonly weightsSize: number
}

/** The model with its weights inside. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const tensors = [...model.initializers].map(([name, tensor]) => inlineTensor(name, tensor))
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, modelProto(model, tensors)))
}

/**
 * The model with its weights in a file of their own, which a runtime can map into memory.
 * @param location the weights file's name, relative to the model file
 */
export function encodeSplitModel(model: OnnxModel, location: string): SplitModel {
  const weights: { offset: number; bytes: Uint8Array }[] = []
  let end = 0
  const tensors = [...model.initializers].map(([name, tensor]) => {
    if (tensor.bytes.byteLength < minExternalBytes) return inlineTensor(name, tensor)
    const offset = Math.ceil(end / weightsAlignment) * weightsAlignment
    end = offset + tensor.bytes.byteLength
    weights.push({ offset, bytes: tensor.bytes })
    return externalTensor(name, tensor, { location, offset })
  })
  const bytes = toBinary(ModelProtoSchema, create(ModelProtoSchema, modelProto(model, tensors)))
  return { bytes, weights, weightsSize: end }
}

type TensorInit = MessageInitShape<typeof TensorProtoSchema>

function modelProto(
  model: OnnxModel,
  initializer: TensorInit[],
): MessageInitShape<typeof ModelProtoSchema> {
  return {
    irVersion: BigInt(irVersion),
    producerName: 'resnet-serving',
    opsetImport: [{ domain: '', version: BigInt(opsetVersion) }],
    graph: {
      name: model.name,
      node: model.nodes.map(nodeProto),
      initializer,
      input: [portProto(model.input)],
      output: [portProto(model.output), ...(model.taps ?? []).map(tapProto)],
    },
  }
}

function nodeProto(node: OnnxNode): MessageInitShape<typeof NodeProtoSchema> {
  return {
    name: node.name,
    opType: node.op,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeProto(name, value)),
  }
}

function attributeProto(
  name: string,
  attribute: OnnxAttribute,
): MessageInitShape<typeof AttributeProtoSchema> {
  const type = attributeTypes[attribute.kind]
  switch (attribute.kind) {
    case 'int':
      return { name, type, i: BigInt(attribute.value) }
    case 'float':
      return { name, type, f: attribute.value }
    case 'string':
      return { name, type, s: new TextEncoder().encode(attribute.value) }
    case 'ints':
      return { name, type, ints: attribute.value.map(BigInt) }
    case 'floats':
      return { name, type, floats: [...attribute.value] }
  }
}

function inlineTensor(name: string, tensor: Tensor): TensorInit {
  return { ...tensorHeader(name, tensor), rawData: tensor.bytes }
}

function externalTensor(
  name: string,
  tensor: Tensor,
  { location, offset }: { location: string; offset: number },
): TensorInit {
  return {
    ...tensorHeader(name, tensor),
    dataLocation: externalLocation,
    externalData: [
      { key: 'location', value: location },
      { key: 'offset', value: String(offset) },
      { key: 'length', value: String(tensor.bytes.byteLength) },
    ],
  }
}

function tensorHeader(
  name: string,
  tensor: Tensor,
): { name: string; dataType: number; dims: bigint[] } {
  return { name, dataType: elementType(tensor.dtype), dims: tensor.shape.map(BigInt) }
}

function portProto(port: OnnxPort): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = port.shape.map((size) =>
    typeof size === 'number'
      ? { value: { case: 'dimValue' as const, value: BigInt(size) } }
      : { value: { case: 'dimParam' as const, value: size } },
  )
  const tensorType = { elemType: elementType(port.dtype), shape: { dim } }
  return { name: port.name, type: { value: { case: 'tensorType', value: tensorType } } }
}

function tapProto(name: string): MessageInitShape<typeof ValueInfoProtoSchema> {
  const tensorType = { elemType: elementType('float32') }
  return { name, type: { value: { case: 'tensorType', value: tensorType } } }
}

/** The number of an element type in TensorProto and in Cast's `to`. */
export function elementType(dtype: DataType): number {
  const type = elementTypes[dtype]
  if (type === undefined) throw new TypeError(`no ${dtype} in a converted graph. This is a bug.`)
  return type
}
