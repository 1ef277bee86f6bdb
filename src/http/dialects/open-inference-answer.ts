// Scored images -> the answer to a V2 inference request, as JSON or with binary tensors behind it. Some classes
// at a time: hundreds of images with all their classes take seconds, between which others want to be served.
import { topK } from '../../classification/probabilities.ts'
import type { ScoredImage } from '../../classification/types.ts'
import { HttpError } from '../failure.ts'
import { type AnswerTurns, inTurns } from '../turns.ts'
import { encodeElements } from './binary-tensors.ts'
import { encoded, jsonValues, slicesOf } from './json-list.ts'
import type { InferRequest, OutputWish } from './open-inference-request.ts'

export interface InferAnswer {
  /** The body, piece behind piece. */
  readonly parts: readonly Uint8Array[]
  /** Bytes of the JSON where tensors follow it. */
  readonly headerBytes: number | undefined
}

/** @throws HttpError bad_request; ServiceError overloaded; the signal's reason */
export async function inferAnswer(
  { id, output }: InferRequest,
  images: readonly ScoredImage[],
  turns: AnswerTurns,
): Promise<InferAnswer> {
  const [{ model, version }] = images as [ScoredImage]
  const jsonWith = (data: object) => {
    const named = { model_name: model, model_version: version, ...(id === undefined ? {} : { id }) }
    return JSON.stringify({ ...named, outputs: [{ ...headOf(output, images), ...data }] })
  }
  if (!output.binary) {
    const texts = filled(jsonWith({ data: [] }), jsonValues(valuesOf(output, images)))
    return { parts: await inTurns(encoded(texts), turns), headerBytes: undefined }
  }
  const tensor = await inTurns(tensorOf(output, images), turns)
  const binary_data_size = tensor.reduce((sum, { length }) => sum + length, 0)
  const json = Buffer.from(jsonWith({ parameters: { binary_data_size } }))
  return { parts: [json, ...tensor], headerBytes: json.length }
}

/** How JSON ends whose last value is a list with nothing in it, behind that list's beginning. */
const emptyEnd = ']}]}'

function* filled(whole: string, values: Iterable<string>): Iterable<string> {
  yield whole.slice(0, -emptyEnd.length)
  yield* values
  yield emptyEnd
}

function headOf({ name, classes }: OutputWish, images: readonly ScoredImage[]) {
  const all = images[0]?.scores.length ?? 0
  return classes > 0
    ? { name, datatype: 'BYTES', shape: [images.length, Math.min(classes, all)] }
    : { name, datatype: 'FP32', shape: [images.length, all] }
}

function* valuesOf(
  { classes }: OutputWish,
  images: readonly ScoredImage[],
): Iterable<readonly unknown[]> {
  for (const image of images) yield* classes > 0 ? bestTexts(image, classes) : finiteScores(image)
}

function* finiteScores({ scores }: ScoredImage): Iterable<readonly number[]> {
  for (const slice of slicesOf(scores)) {
    const row = Array.from(slice)
    if (!row.every(Number.isFinite)) throw notJson()
    yield row
  }
}

function notJson(): HttpError {
  const message = 'the scores hold NaN or infinity, which JSON cannot carry; ask for binary data'
  return new HttpError('bad_request', message)
}

function* tensorOf({ classes }: OutputWish, images: readonly ScoredImage[]): Iterable<Uint8Array> {
  for (const image of images) {
    const { buffer, byteOffset, byteLength } = image.scores
    if (classes === 0) yield Buffer.from(buffer, byteOffset, byteLength)
    else for (const texts of bestTexts(image, classes)) yield encodeElements(texts)
  }
}

/** The classification extension: "score:index:label", of the output's own values, best first. */
function* bestTexts({ scores, labels }: ScoredImage, classes: number): Iterable<readonly string[]> {
  for (const slice of slicesOf(topK(scores, classes))) {
    yield slice.map(
      ({ index, probability }) =>
        `${probability.toFixed(6)}:${index}:${labels[index]?.label ?? ''}`,
    )
  }
}
