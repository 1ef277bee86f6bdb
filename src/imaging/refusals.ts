// What a client is told about an image that is not decoded: found, allowed, what to do. Texts of
// libraries go into `cause`, for the log.
import { ServiceError } from '../errors.ts'
import { type ForeignFormat, formatNames } from './format.ts'
import type { Size } from './geometry.ts'
import type { ImageFormat } from './imaging.ts'

export function noBytes(): ServiceError {
  return new ServiceError('image_missing', 'The image is empty: 0 bytes were sent. Send the file.')
}

export function unsupported(
  found: ImageFormat | ForeignFormat | undefined,
  accepted: readonly ImageFormat[],
): ServiceError {
  const what =
    found === undefined
      ? "The bytes are no image of a known format (the file's name and declared type do not count)."
      : `The image is ${formatNames[found]}, which is not accepted here.`
  const how =
    found === 'heic'
      ? ' iPhones make HEIC: export the photo as JPEG, or choose Settings > Camera > Formats > Most Compatible.'
      : ''
  const names = accepted.map((format) => formatNames[format]).join(', ')
  return new ServiceError('unsupported_image_format', `${what}${how} Accepted: ${names}.`)
}

export function tooLarge({ width, height }: Size, maxPixels: number): ServiceError {
  return new ServiceError(
    'image_too_large',
    `The image is ${width} x ${height} = ${width * height} pixels; at most ${maxPixels} are allowed. Send a smaller one.`,
  )
}

/** Of few enough pixels, in a form that takes much memory for each: four inks, AVIF. */
export function tooDear({ width, height }: Size, cost: number, maxBytes: number): ServiceError {
  const found = `The image of ${width} x ${height} pixels would take about ${megabytes(cost)} MB to decode, as it is stored`
  return new ServiceError(
    'image_too_large',
    `${found}; at most ${megabytes(maxBytes)} are allowed. Save it as a plain RGB JPEG or PNG, or send a smaller one.`,
  )
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6)
}

export function tooLongSide({ width, height }: Size, maxSide: number): ServiceError {
  return new ServiceError(
    'image_too_large',
    `The image is ${width} x ${height} pixels; no side may be longer than ${maxSide}. Send a part of it.`,
  )
}

export function undecodable(format: ImageFormat, cause: unknown): ServiceError {
  return new ServiceError(
    'image_undecodable',
    `The ${formatNames[format]} image is truncated or corrupt and cannot be decoded. Check that the file opens elsewhere, and send all of it.`,
    { cause },
  )
}
