// The JSON body of a Hugging Face request -> its image and parameters.
import type { ScoreInput } from '../../classification/types.ts'
import { parseSmallJson } from '../parse-json.ts'
import { bodyTooLarge } from '../read-body.ts'
import { base64Of, type Fields, objectOf } from './fields.ts'

export interface HuggingFaceRequest {
  readonly images: readonly [ScoreInput]
  readonly parameters: Fields
}

const inputsForm = '{"inputs": "<base64>", "parameters": {...}}'

/** @throws HttpError bad_request, body_too_large */
export function readInputs(json: Uint8Array, maxImageBytes: number): HuggingFaceRequest {
  const { inputs, parameters } = objectOf(parseSmallJson(json, inputsForm), 'the body')
  const bytes = base64Of(inputs, '"inputs"')
  if (bytes.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
  return {
    images: [{ form: 'image', bytes }],
    parameters: objectOf(parameters ?? {}, '"parameters"'),
  }
}
