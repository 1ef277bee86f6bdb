// The bodies that may hold images as lists of numbers, each read by its dialect. A JSON text of many values
// takes seconds: tensor-thread.ts has those read elsewhere, by the same readers.
import type { ModelState, ScoreInput } from '../../classification/types.ts'
import { parseJson } from '../parse-json.ts'
import type { BinaryBody } from './binary-tensors.ts'
import { objectOf } from './fields.ts'
import { type InferRequest, readInferRequest } from './open-inference-request.ts'
import { type PredictRequest, readClassify, readPredict } from './tensorflow-serving-request.ts'

/** Plain data: it may go to another thread. */
export interface TensorBody extends BinaryBody {
  readonly state: Pick<ModelState, 'input' | 'output'>
  readonly maxImageBytes: number
}

/** What each dialect makes of a body. */
export interface TensorRequests {
  readonly infer: InferRequest
  readonly predict: PredictRequest
  readonly classify: { readonly images: readonly ScoreInput[] }
}

export type TensorDialect = keyof TensorRequests

/** Each throws HttpError: bad_request, body_too_large, image_missing. */
export const tensorReaders: {
  readonly [Dialect in TensorDialect]: (body: TensorBody) => TensorRequests[Dialect]
} = {
  infer: (body) => readInferRequest(body, body),
  predict: (body) => readPredict(fieldsOf(body), body),
  classify: (body) => ({ images: readClassify(fieldsOf(body), body) }),
}

function fieldsOf({ json }: TensorBody) {
  return objectOf(parseJson(json), 'the body')
}
