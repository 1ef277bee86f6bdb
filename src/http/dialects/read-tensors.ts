// The JSON bodies with images in them, each read by its dialect. One of many values or many bytes takes a
// while: tensor-thread.ts has those read elsewhere, by the same readers.
import type { ModelState, ScoreInput } from '../../classification/types.ts'
import { decodeJsonImage } from '../json-image.ts'
import { parseJson } from '../parse-json.ts'
import type { BinaryBody } from './binary-tensors.ts'
import { objectOf } from './fields.ts'
import { type HuggingFaceRequest, readInputs } from './hugging-face-request.ts'
import { type InferRequest, readInferRequest } from './open-inference-request.ts'
import { type PredictRequest, readClassify, readPredict } from './tensorflow-serving-request.ts'

/** Plain data: it may go to another thread. */
export interface TensorBody extends BinaryBody {
  readonly state: Pick<ModelState, 'input' | 'output'>
  readonly maxImageBytes: number
}

/** A body that is JSON and nothing else, for dialects that need not know the model. */
export function onlyJson(json: Uint8Array, maxImageBytes: number): TensorBody {
  return { json, binary: json.subarray(json.length), state: {}, maxImageBytes }
}

/** What each dialect makes of a body. */
export interface TensorRequests {
  readonly infer: InferRequest
  readonly predict: PredictRequest
  readonly classify: { readonly images: readonly ScoreInput[] }
  /** Of the native API, with the only one. */
  readonly image: { readonly images: readonly [ScoreInput] }
  readonly huggingFace: HuggingFaceRequest
}

export type TensorDialect = keyof TensorRequests

/** Each throws HttpError: bad_request, body_too_large, image_missing. */
export const tensorReaders: {
  readonly [Dialect in TensorDialect]: (body: TensorBody) => TensorRequests[Dialect]
} = {
  infer: (body) => readInferRequest(body, body),
  predict: (body) => readPredict(fieldsOf(body), body),
  classify: (body) => ({ images: readClassify(fieldsOf(body), body) }),
  image: ({ json, maxImageBytes }) => ({
    images: [{ form: 'image', bytes: decodeJsonImage(json, maxImageBytes) }],
  }),
  huggingFace: ({ json, maxImageBytes }) => readInputs(json, maxImageBytes),
}

/** The others have one image, encoded, and look themselves that there is not much beside it. */
export function takesNumbers(dialect: TensorDialect): boolean {
  return dialect !== 'image' && dialect !== 'huggingFace'
}

function fieldsOf({ json }: TensorBody) {
  return objectOf(parseJson(json), 'the body')
}
