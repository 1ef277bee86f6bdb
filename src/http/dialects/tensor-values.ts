// Numbers of a client's JSON -> the bytes of one tensor an image, in the model's own shape.
import type { ModelState, ScoreInput } from '../../classification/types.ts'
import { badField } from './fields.ts'

/** What a model takes, read off its state. */
export interface ImageInput {
  readonly name: string
  readonly dtype: 'uint8' | 'float32'
  readonly height: number
  readonly width: number
  /** Values of one image. */
  readonly values: number
}

export function imageInputOf({ input }: Pick<ModelState, 'input'>): ImageInput {
  if (input === undefined) throw new Error('a served model has no input. This is a bug.')
  const [, height = 0, width = 0, channels = 0] = input.shape
  const dtype = input.dtype === 'uint8' ? 'uint8' : 'float32'
  return { name: input.name, dtype, height, width, values: height * width * channels }
}

type Values = Float32Array | Uint8Array

/** Room for `count` values of a type. */
export function valuesOf(dtype: ImageInput['dtype'], count: number): Values {
  return dtype === 'uint8' ? new Uint8Array(count) : new Float32Array(count)
}

/** Deeper than any tensor of images is nested. */
const maxDepth = 8

/**
 * Writes the numbers of a list, however it is nested, into `into`, which they must fill.
 * @throws HttpError bad_request
 */
export function fillFlat(data: readonly unknown[], into: Values, where: string): void {
  const end = appendAll(data, { into, where, at: 0, depth: 0 })
  if (end !== into.length) {
    throw badField(where, data, `${into.length} values in all, found ${end}`)
  }
}

interface Place {
  readonly into: Values
  readonly where: string
  readonly at: number
  readonly depth: number
}

function appendAll(data: readonly unknown[], place: Place): number {
  const { into, where, depth } = place
  let { at } = place
  if (depth > maxDepth) throw badField(where, data, `at most ${maxDepth} lists in each other`)
  for (const item of data) {
    if (Array.isArray(item)) {
      at = appendAll(item, { into, where, at, depth: depth + 1 })
    } else {
      put(into, at, item, where)
      at += 1
    }
  }
  return at
}

/** Writes [height, width, 3], nested exactly so, into `into` from `at` on; answers where it ends. */
export function fillShape(
  data: unknown,
  shape: readonly number[],
  { into, at, where }: { readonly into: Values; readonly at: number; readonly where: string },
): number {
  const [size, ...inner] = shape
  if (size === undefined) {
    put(into, at, data, where)
    return at + 1
  }
  if (!Array.isArray(data) || data.length !== size) {
    throw badField(
      where,
      data,
      `a list of ${size} (the model takes images of ${shape.join(' x ')})`,
    )
  }
  let end = at
  for (const item of data) end = fillShape(item, inner, { into, at: end, where })
  return end
}

function put(into: Values, at: number, value: unknown, where: string): void {
  if (at >= into.length) throw badField(where, value, `no more than ${into.length} values`)
  if (into instanceof Uint8Array) {
    const isByte = Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255
    if (!isByte) throw badField(`a value of ${where}`, value, 'a whole number from 0 to 255')
  } else if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw badField(`a value of ${where}`, value, 'a number')
  }
  into[at] = value as number
}

/** One input an image, out of the values or bytes of all of them. */
export function cutImages(
  { buffer, byteOffset, byteLength }: Values,
  form: 'pixels' | 'tensor',
  count: number,
): ScoreInput[] {
  const size = byteLength / count
  return Array.from({ length: count }, (_, index) => ({
    form,
    bytes: new Uint8Array(buffer, byteOffset + index * size, size),
  }))
}
