// Graph nodes -> NodeDef
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/node_def.proto).
import { create, toBinary } from '@bufbuild/protobuf'
import type { Attribute, GraphNode, ValueRef } from '../graph/graph.ts'
import type { Tensor } from '../graph/tensor.ts'
import { attributeToProto } from './attributes.ts'
import { dataTypeNumber } from './data-types.ts'
import { type Encoded, encoded, field, joined } from './encoded.ts'
import { AttrValueSchema, NodeDefSchema, TensorProtoSchema } from './generated/saved_model_pb.ts'
import { shapeToProto } from './shape-proto.ts'

// Field numbers of the messages that are put together here, to leave a tensor's bytes where they are.
const nodeAttr = NodeDefSchema.field.attr.number
const mapKey = 1
const mapValue = 2
const attrTensor = AttrValueSchema.field.tensor.number
const tensorContent = TensorProtoSchema.field.tensorContent.number

/** One node as a NodeDef message; the bytes of its tensors are not copied. */
export function encodeNode(node: GraphNode): Encoded {
  const attributes = Object.entries(node.attributes)
  const small = attributes.filter(([, attribute]) => attribute.kind !== 'tensor')
  const message = create(NodeDefSchema, {
    name: node.name,
    op: node.op,
    input: node.inputs.map(inputName),
    attr: Object.fromEntries(small.map(([name, value]) => [name, attributeToProto(value)])),
  })
  return joined([encoded(toBinary(NodeDefSchema, message)), ...attributes.flatMap(encodeTensor)])
}

/** `node` for a first output, `node:2` for others: how a graph names values. */
function inputName({ node, output }: ValueRef): string {
  return output === 0 ? node : `${node}:${output}`
}

function encodeTensor([name, attribute]: readonly [string, Attribute]): Encoded[] {
  if (attribute.kind !== 'tensor') {
    return []
  }
  const value = field(attrTensor, tensorToProto(attribute.value))
  const key = field(mapKey, encoded(Buffer.from(name)))
  return [field(nodeAttr, joined([key, field(mapValue, value)]))]
}

function tensorToProto({ dtype, shape, bytes }: Tensor): Encoded {
  const head = create(TensorProtoSchema, {
    dtype: dataTypeNumber(dtype),
    tensorShape: shapeToProto(shape),
  })
  const parts = [encoded(toBinary(TensorProtoSchema, head)), field(tensorContent, encoded(bytes))]
  return joined(parts)
}
