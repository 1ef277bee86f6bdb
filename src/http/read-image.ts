// The image of a request, in whichever form it came: multipart, JSON, or the bytes themselves.

import type { FastifyRequest } from 'fastify'
import type { Cancellation } from '../cancellation.ts'
import { ServiceError } from '../errors.ts'
import { readCodedBody } from './coded-body.ts'
import { onlyJson } from './dialects/read-tensors.ts'
import type { TensorThread } from './dialects/tensor-thread.ts'
import { formOverheadBytes, readFormFiles } from './form-files.ts'
import { isJsonBody, isJsonType, maxJsonBytes } from './json-image.ts'
import type { UploadClaim } from './upload-budget.ts'

export interface ReadImageOptions {
  readonly tensors: TensorThread
  readonly maxImageBytes: number
  readonly claim: UploadClaim
  readonly signal: Cancellation
  /** Names of query parameters, for the error that says where they belong. */
  readonly parameters: readonly string[]
  /** Follows the form, where it comes as one. */
  readonly form?: FormListener
}

export interface FormListener {
  onText(field: string, value: string): void
  /** Called before the bytes of a file are read, and at the end; what it throws refuses the request. */
  beforeFile(): void
}

/** Files of a form beside the image: they are skipped, so a few are enough to be friendly. */
const maxFormFiles = 8

/** The largest body that can hold an image of `maxImageBytes`, by what it says it is. */
export function maxBodyBytes(contentType: string, maxImageBytes: number): number {
  if (isFormType(contentType)) return maxImageBytes + formOverheadBytes
  return isJsonType(contentType) ? maxJsonBytes(maxImageBytes) : maxImageBytes
}

export function isFormType(contentType: string): boolean {
  return /^multipart\/form-data\s*(;|$)/i.test(contentType)
}

/**
 * @returns encoded bytes in memory of their own
 * @throws ServiceError image_missing, overloaded; HttpError bad_request, body_too_large, …
 */
export async function readImage(
  request: FastifyRequest,
  options: ReadImageOptions,
): Promise<Uint8Array> {
  if (request.isMultipart()) return await readFormImage(request, options)
  const { tensors, maxImageBytes, claim, signal } = options
  const contentType = request.headers['content-type'] ?? ''
  const maxBytes = maxBodyBytes(contentType, maxImageBytes)
  const body = await readCodedBody(request, { maxBytes, claim, signal })
  if (body.length === 0) throw imageMissing('the request has no body')
  if (!isJsonBody(body, contentType)) return body
  const { images } = await tensors.read('image', onlyJson(body, maxImageBytes), signal)
  return images[0].bytes
}

/** The file field named `image`, else the first file that is not empty. */
async function readFormImage(
  request: FastifyRequest,
  { maxImageBytes, claim, signal, parameters, form }: ReadImageOptions,
): Promise<Uint8Array> {
  let image: Uint8Array | undefined
  let isNamed = false
  const texts: string[] = []
  const files = readFormFiles(request, {
    maxFiles: maxFormFiles,
    maxFileBytes: maxImageBytes,
    maxFormBytes: maxImageBytes + formOverheadBytes,
    parameters,
    signal,
    onText: (field, value) => {
      texts.push(field)
      form?.onText(field, value)
    },
  })
  for await (const file of files) {
    form?.beforeFile()
    if (isNamed || (image?.length && file.field !== 'image')) {
      file.skip()
      continue
    }
    const bytes = await file.read(claim)
    // So browsers send an input in which nothing was chosen.
    const isUnchosen = bytes.length === 0 && file.filename === ''
    if (!isUnchosen || image === undefined) image = bytes
    isNamed = file.field === 'image' && !isUnchosen
  }
  form?.beforeFile()
  if (image === undefined) throw imageMissing(`the form has no file${textHint(texts)}`)
  if (image.length === 0) throw imageMissing('the file of the form is empty')
  return image
}

/** The usual reason for a form without a file. */
function textHint([field]: readonly string[]): string {
  return field === undefined ? '' : ', only text (with curl a file is -F image=@photo.jpg, with @)'
}

export function imageMissing(found: string): ServiceError {
  return new ServiceError(
    'image_missing',
    `${found}; send the image as the body, as a multipart file, or as {"image": "<base64>"}`,
  )
}
