// TensorShapeProto <-> shape
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/tensor_shape.proto).
import { create } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Shape } from '../graph/graph.ts'
import { type TensorShapeProto, TensorShapeProtoSchema } from './generated/saved_model_pb.ts'
import { maxRank } from './limits.ts'

/**
 * @param where names file and node, for messages
 * @throws ModelError `corrupt` for sizes that no tensor can have
 */
export function shapeFromProto(proto: TensorShapeProto | undefined, where: string): Shape {
  if (proto === undefined || proto.unknownRank) {
    return null
  }
  if (proto.dim.length > maxRank) {
    const found = `${proto.dim.length} dimensions`
    throw new ModelError('corrupt', `${where}: ${found}, at most ${maxRank} are allowed`)
  }
  return proto.dim.map(({ size }) => {
    if (size < -1n || size > Number.MAX_SAFE_INTEGER) {
      throw new ModelError('corrupt', `${where}: ${size} is not the size of a dimension`)
    }
    return Number(size)
  })
}

/** The shape of a tensor that is there: every size known, and their product exact. */
export function staticShapeFromProto(
  proto: TensorShapeProto | undefined,
  where: string,
): readonly number[] {
  const shape = shapeFromProto(proto ?? create(TensorShapeProtoSchema), where)
  if (shape === null || shape.some((size) => size < 0)) {
    throw new ModelError('corrupt', `${where}: a stored tensor has the unknown shape [${shape}]`)
  }
  if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
    throw new ModelError('corrupt', `${where}: shape [${shape}] has more elements than any tensor`)
  }
  return shape
}

export function shapeToProto(shape: Shape): TensorShapeProto {
  return shape === null
    ? create(TensorShapeProtoSchema, { unknownRank: true })
    : create(TensorShapeProtoSchema, { dim: shape.map((size) => ({ size: BigInt(size) })) })
}
