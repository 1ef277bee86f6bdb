// A V2 inference request, JSON and binary tensors -> images to score and outputs to answer.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
import type { ModelState, ScoreInput } from '../../classification/types.ts'
import { HttpError } from '../failure.ts'
import { parseJson } from '../parse-json.ts'
import { bodyTooLarge } from '../read-body.ts'
import { type BinaryBody, decodeElements } from './binary-tensors.ts'
import {
  badField,
  base64Of,
  type Fields,
  flagOf,
  listOf,
  objectOf,
  textOf,
  wholeOf,
} from './fields.ts'
import { maxImages, maxJsonTensorBytes } from './limits.ts'
import { cutImages, fillFlat, type ImageInput, imageInputOf, valuesOf } from './tensor-values.ts'

export interface InferRequest {
  readonly id?: string
  readonly images: readonly ScoreInput[]
  readonly output: OutputWish
  /** What the client allows, in milliseconds. */
  readonly timeoutMs?: number
}

export interface OutputWish {
  readonly name: string
  readonly binary: boolean
  /** How many classes to answer as texts; 0 answers the scores. */
  readonly classes: number
}

const maxMicroseconds = Number.MAX_SAFE_INTEGER
const maxClasses = 1_000_000

/** @throws HttpError bad_request, body_too_large */
export function readInferRequest(
  { json, binary }: BinaryBody,
  {
    state,
    maxImageBytes,
  }: { readonly state: Pick<ModelState, 'input' | 'output'>; readonly maxImageBytes: number },
): InferRequest {
  const input = imageInputOf(state)
  const outputName = state.output?.name ?? ''
  if (json.length === 0) {
    const images = [rawInput(binary, input, maxImageBytes)]
    return { images, output: { name: outputName, binary: true, classes: 0 } }
  }
  if (json.length > maxJsonTensorBytes) throw bodyTooLarge(maxJsonTensorBytes)
  const body = objectOf(parseJson(json), 'the body')
  const parameters = objectOf(body.parameters ?? {}, '"parameters"')
  return {
    ...(body.id === undefined ? {} : { id: textOf(body.id, '"id"') }),
    ...timeoutOf(parameters),
    images: readInput(body, binary, { input, maxImageBytes }),
    output: readOutput(body, parameters, outputName),
  }
}

/** `timeout` is in microseconds, as in Triton; 0 is none. */
function timeoutOf({ timeout }: Fields): { timeoutMs?: number } {
  if (timeout === undefined) return {}
  const microseconds = wholeOf(timeout, '"timeout"', [0, maxMicroseconds])
  return microseconds === 0 ? {} : { timeoutMs: microseconds / 1000 }
}

/** A body without JSON is one tensor of the model's own type, or one encoded image. */
function rawInput(binary: Uint8Array, input: ImageInput, maxImageBytes: number): ScoreInput {
  const isFloat = input.dtype === 'float32'
  const bytes = isFloat ? input.values * Float32Array.BYTES_PER_ELEMENT : input.values
  if (binary.length === bytes) return { form: isFloat ? 'tensor' : 'pixels', bytes: binary }
  if (binary.length === 0) throw new HttpError('image_missing', 'the request has no body')
  if (binary.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
  return { form: 'image', bytes: binary }
}

interface InputOptions {
  readonly input: ImageInput
  readonly maxImageBytes: number
}

function readInput(body: Fields, binary: Uint8Array, options: InputOptions): ScoreInput[] {
  const { input } = options
  const inputs = listOf(body.inputs, '"inputs"')
  if (inputs.length !== 1) throw badField('"inputs"', inputs, `one tensor, named ${input.name}`)
  const tensor = objectOf(inputs[0], 'the input')
  if (tensor.name !== input.name) {
    throw badField('the name of the input', tensor.name, `${input.name}, the only one there is`)
  }
  const parameters = objectOf(tensor.parameters ?? {}, 'the parameters of the input')
  if (parameters.shared_memory_region !== undefined) {
    throw new HttpError('bad_request', 'shared memory is not offered; send the tensor in the body')
  }
  const shape = listOf(tensor.shape, 'the shape of the input').map((size) =>
    wholeOf(size, 'a size of the shape', [0, Number.MAX_SAFE_INTEGER]),
  )
  const bytes = binaryOf(tensor, parameters, binary)
  const datatype = textOf(tensor.datatype, 'the datatype of the input')
  if (datatype === 'BYTES') return readEncoded({ tensor, shape, bytes }, options)
  return readTensor({ tensor, shape, bytes, datatype }, input)
}

/** The bytes of a tensor that came in binary form; of a single one the size need not be told. */
function binaryOf(tensor: Fields, parameters: Fields, binary: Uint8Array): Uint8Array | undefined {
  const size = parameters.binary_data_size
  if (tensor.data !== undefined) {
    if (size === undefined && binary.length === 0) return undefined
    throw new HttpError('bad_request', 'the input has "data" and binary data; send one of them')
  }
  if (size === undefined && binary.length === 0) throw badField('"data"', undefined, 'a list')
  const expected =
    size === undefined ? binary.length : wholeOf(size, 'binary_data_size', [0, 2 ** 32])
  if (expected === binary.length) return binary
  const message = `binary_data_size is ${expected}; behind the JSON come ${binary.length} bytes`
  throw new HttpError('bad_request', message)
}

interface Tensor {
  readonly tensor: Fields
  readonly shape: readonly number[]
  readonly bytes: Uint8Array | undefined
}

/** BYTES: encoded images, shape [N] or [N, 1]; as JSON their base64. */
function readEncoded({ tensor, shape, bytes }: Tensor, { maxImageBytes }: InputOptions) {
  const count = shape.reduce((product, size) => product * size, 1)
  if (shape.length < 1 || shape.length > 2 || count < 1 || count > maxImages) {
    throw badField('the shape of the input', shape, `[N] with N from 1 to ${maxImages} images`)
  }
  const elements =
    bytes === undefined ? base64Elements(tensor.data, count) : decodeElements(bytes, count)
  return elements.map((image): ScoreInput => {
    if (image.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
    if (image.length === 0) throw new HttpError('image_missing', 'an element of the input is empty')
    return { form: 'image', bytes: image }
  })
}

function base64Elements(data: unknown, count: number): Uint8Array[] {
  const list = listOf(data, '"data"').flat(1)
  if (list.length !== count) throw badField('"data"', list, `${count} images, as the shape says`)
  return list.map((item) => base64Of(isB64(item) ? item.b64 : item, 'an element of "data"'))
}

function isB64(item: unknown): item is { readonly b64: unknown } {
  return typeof item === 'object' && item !== null && 'b64' in item
}

/** FP32 as the model's signature takes it, or UINT8 pixels, which every model takes. */
function readTensor(
  { tensor, shape, bytes, datatype }: Tensor & { readonly datatype: string },
  input: ImageInput,
): ScoreInput[] {
  const dtype = datatype === 'UINT8' ? 'uint8' : 'float32'
  if (datatype !== 'UINT8' && (datatype !== 'FP32' || input.dtype === 'uint8')) {
    const own = input.dtype === 'uint8' ? 'UINT8' : 'FP32, UINT8 (pixels)'
    throw badField('the datatype of the input', datatype, `${own} or BYTES (encoded images)`)
  }
  const [count = 0, height, width, channels] = shape
  const isImages = height === input.height && width === input.width && channels === 3
  if (shape.length !== 4 || !isImages || count < 1 || count > maxImages) {
    const own = `[N,${input.height},${input.width},3] with N from 1 to ${maxImages}`
    throw new HttpError('bad_request', `the shape is [${shape.slice(0, 8)}]; expected ${own}`)
  }
  const form = dtype === 'uint8' ? 'pixels' : 'tensor'
  const total = count * input.values
  if (bytes === undefined) {
    const values = valuesOf(dtype, total)
    fillFlat(listOf(tensor.data, '"data"'), values, '"data"')
    return cutImages(values, form, count)
  }
  const expected = total * (dtype === 'uint8' ? 1 : Float32Array.BYTES_PER_ELEMENT)
  if (bytes.length !== expected) {
    const message = `the tensor has ${bytes.length} bytes; ${datatype} of its shape has ${expected}`
    throw new HttpError('bad_request', message)
  }
  return cutImages(bytes, form, count)
}

function readOutput(body: Fields, parameters: Fields, own: string): OutputWish {
  const asked = parameters.binary_data_output
  const binaryByDefault = asked === undefined ? false : flagOf(asked, '"binary_data_output"')
  const outputs = body.outputs === undefined ? [] : listOf(body.outputs, '"outputs"')
  if (outputs.length > 1) throw badField('"outputs"', outputs, `one output, named ${own}`)
  if (outputs.length === 0) return { name: own, binary: binaryByDefault, classes: 0 }
  const { name, parameters: given } = objectOf(outputs[0], 'an output')
  if (name !== own) throw badField('the name of an output', name, `${own}, the only one there is`)
  const {
    binary_data,
    classification = 0,
    shared_memory_region,
  } = objectOf(given ?? {}, 'the parameters of an output')
  if (shared_memory_region !== undefined) {
    throw new HttpError('bad_request', 'shared memory is not offered; the answer has the tensor')
  }
  return {
    name: own,
    binary: binary_data === undefined ? binaryByDefault : flagOf(binary_data, '"binary_data"'),
    classes: wholeOf(classification, '"classification"', [0, maxClasses]),
  }
}
