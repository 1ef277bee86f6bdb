// Scored images -> the answer to a V2 inference request, as JSON or with binary tensors behind it.
import { topK } from '../../classification/probabilities.ts'
import type { ScoredImage } from '../../classification/types.ts'
import { HttpError } from '../failure.ts'
import { encodeElements } from './binary-tensors.ts'
import type { InferRequest, OutputWish } from './open-inference-request.ts'

export interface InferAnswer {
  readonly body: Uint8Array
  /** Bytes of the JSON where tensors follow it. */
  readonly headerBytes: number | undefined
}

export function inferAnswer(
  { id, outputs }: InferRequest,
  images: readonly ScoredImage[],
): InferAnswer {
  const [{ model, version }] = images as [ScoredImage]
  const tensors = outputs.map((wish) => outputTensor(wish, images))
  const json = Buffer.from(
    JSON.stringify({
      model_name: model,
      model_version: version,
      ...(id === undefined ? {} : { id }),
      outputs: tensors.map(({ head }) => head),
    }),
  )
  const binary = tensors.flatMap((tensor) => (tensor.binary === undefined ? [] : [tensor.binary]))
  if (binary.length === 0) return { body: json, headerBytes: undefined }
  return { body: Buffer.concat([json, ...binary]), headerBytes: json.length }
}

interface OutputTensor {
  readonly head: object
  readonly binary?: Uint8Array
}

function outputTensor(wish: OutputWish, images: readonly ScoredImage[]): OutputTensor {
  return wish.classes > 0 ? classTensor(wish, images) : scoreTensor(wish, images)
}

function scoreTensor({ name, binary }: OutputWish, images: readonly ScoredImage[]): OutputTensor {
  const classes = images[0]?.scores.length ?? 0
  const head = { name, datatype: 'FP32', shape: [images.length, classes] }
  if (!binary) {
    const data = images.flatMap(({ scores }) => Array.from(scores))
    if (!data.every(Number.isFinite)) throw notJson()
    return { head: { ...head, data } }
  }
  const bytes = Buffer.concat(
    images.map(({ scores: { buffer, byteOffset, byteLength } }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    ),
  )
  return { head: { ...head, parameters: { binary_data_size: bytes.length } }, binary: bytes }
}

function notJson(): HttpError {
  const message = 'the scores hold NaN or infinity, which JSON cannot carry; ask for binary data'
  return new HttpError('bad_request', message)
}

/** The classification extension: "score:index:label", of the output's own values, best first. */
function classTensor(
  { name, binary, classes }: OutputWish,
  images: readonly ScoredImage[],
): OutputTensor {
  const rows = images.map(({ scores, labels }) =>
    topK(scores, classes).map(
      ({ index, probability }) =>
        `${probability.toFixed(6)}:${index}:${labels[index]?.label ?? ''}`,
    ),
  )
  const texts = rows.flat()
  const head = { name, datatype: 'BYTES', shape: [images.length, rows[0]?.length ?? 0] }
  if (!binary) return { head: { ...head, data: texts } }
  const bytes = encodeElements(texts)
  return { head: { ...head, parameters: { binary_data_size: bytes.length } }, binary: bytes }
}
