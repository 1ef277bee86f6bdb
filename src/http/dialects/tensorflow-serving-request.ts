// The body of a TensorFlow Serving request -> images to score.
// https://www.tensorflow.org/tfx/serving/api_rest
import type { ModelState, ScoreInput } from '../../classification/types.ts'
import { HttpError } from '../failure.ts'
import { bodyTooLarge } from '../read-body.ts'
import { badField, base64Of, type Fields, listOf, objectOf } from './fields.ts'
import { maxImages } from './limits.ts'
import { cutImages, fillShape, type ImageInput, imageInputOf, valuesOf } from './tensor-values.ts'

export interface PredictRequest {
  /** Rows are answered as `predictions`, columns as `outputs`. */
  readonly form: 'rows' | 'columns'
  readonly images: readonly ScoreInput[]
}

export interface ReadOptions {
  readonly state: Pick<ModelState, 'input'>
  readonly maxImageBytes: number
}

const signatureName = 'serving_default'

/** @throws HttpError bad_request, body_too_large */
export function readPredict(body: Fields, options: ReadOptions): PredictRequest {
  assertSignature(body)
  const { instances, inputs } = body
  if ((instances === undefined) === (inputs === undefined)) {
    const found = instances === undefined ? 'neither' : 'both'
    throw new HttpError(
      'bad_request',
      `the body has ${found} of "instances" and "inputs"; send one`,
    )
  }
  const input = imageInputOf(options.state)
  if (instances !== undefined) {
    const list = listOf(instances, '"instances"')
    const rows = list.map((row) => unwrap(row, input, 'an instance'))
    return { form: 'rows', images: readImages(rows, { ...options, input, where: '"instances"' }) }
  }
  const column = unwrap(inputs, input, '"inputs"')
  const list = isB64(column) ? [column] : listOf(column, '"inputs"')
  return { form: 'columns', images: readImages(list, { ...options, input, where: '"inputs"' }) }
}

/** {"examples": [{"image": {"b64": ...}}]}: whatever the feature is called, it holds the image. */
export function readClassify(body: Fields, { maxImageBytes }: ReadOptions): ScoreInput[] {
  assertSignature(body)
  const examples = listOf(body.examples, '"examples"')
  assertCount(examples)
  const context = objectOf(body.context ?? {}, '"context"')
  return examples.map((example) => {
    const features = { ...context, ...objectOf(example, 'an example') }
    const image = Object.values(features).find((value) => isB64(unlist(value)))
    if (image === undefined) throw badField('an example', example, '{"image": {"b64": "..."}}')
    return encoded(unlist(image) as B64, maxImageBytes)
  })
}

function assertSignature({ signature_name }: Fields): void {
  if (signature_name === undefined || signature_name === '') return
  if (signature_name === signatureName) return
  const found = JSON.stringify(String(signature_name).slice(0, 60))
  const message = `Serving signature name: ${found} not found in signature def; ${signatureName} is served`
  throw new HttpError('bad_request', message)
}

interface B64 {
  readonly b64: unknown
}

function isB64(value: unknown): value is B64 {
  return typeof value === 'object' && value !== null && 'b64' in value
}

function unlist(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value
}

/** {"<input's name>": value} -> value */
function unwrap(value: unknown, input: ImageInput, where: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  if (isB64(value)) return value
  const names = Object.keys(value)
  if (names.length === 1 && names[0] === input.name) return (value as Fields)[input.name]
  const found = names.slice(0, 5).join(', ').slice(0, 100) || 'nothing'
  throw new HttpError('bad_request', `${where} names ${found}; expected the input ${input.name}`)
}

function assertCount(list: readonly unknown[]): void {
  if (list.length >= 1 && list.length <= maxImages) return
  const message = `the request has ${list.length} images; allowed are 1 to ${maxImages}`
  throw new HttpError('bad_request', message)
}

interface ImagesOptions extends ReadOptions {
  readonly input: ImageInput
  readonly where: string
}

/** Encoded images, or tensors as the model's signature takes them. */
function readImages(list: readonly unknown[], options: ImagesOptions): ScoreInput[] {
  const { input, maxImageBytes, where } = options
  assertCount(list)
  if (list.some(isB64)) {
    return list.map((item) => {
      if (isB64(item)) return encoded(item, maxImageBytes)
      throw badField(`an item of ${where}`, item, '{"b64": "..."}, as the others')
    })
  }
  const values = valuesOf(input.dtype, list.length * input.values)
  const shape = [input.height, input.width, 3]
  let at = 0
  for (const item of list) at = fillShape(item, shape, { into: values, at, where })
  return cutImages(values, input.dtype === 'uint8' ? 'pixels' : 'tensor', list.length)
}

function encoded({ b64 }: B64, maxImageBytes: number): ScoreInput {
  const bytes = base64Of(b64, '"b64"')
  if (bytes.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
  return { form: 'image', bytes }
}
