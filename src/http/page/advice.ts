// Every error in words that say what to do next; docs/errors.md says the same to programmers.
import type { Problem } from './service.ts'

/** By the stable `code` of the answer. */
const advice: Readonly<Record<string, string>> = {
  bad_request: 'This should not happen from this page: reload it and try again.',
  image_missing: 'Choose one that holds a picture; a copy may have been cut off.',
  bad_parameter: 'Choose another model above; if that does not help, reload the page.',
  unauthorized: 'Enter a valid API key above.',
  model_not_found: 'The model is no longer served. Choose another one above.',
  version_not_found: 'The version is no longer served. Reload the page.',
  upload_too_slow: 'The connection is too slow for this file. Try a smaller one.',
  body_too_large:
    'Save the picture in a smaller size or as JPEG, or ask the operator to raise MAX_IMAGE_BYTES.',
  image_too_large: 'Scale the picture down, or ask the operator to raise MAX_IMAGE_PIXELS.',
  unsupported_image_format: 'Export the picture as JPEG or PNG and try that file.',
  image_undecodable: 'The file is damaged or was cut off. Open it in a viewer and save it again.',
  image_refused: 'This very picture ended the inference process twice. Please report it as a bug.',
  overloaded: 'The server has more to do than it can. Try again in a moment.',
  rate_limited: 'You have sent more than this server allows a minute. Try again in a minute.',
  not_ready: 'The server is still loading its models. Try again in a few seconds.',
  draining: 'The server is shutting down. Try again when it has restarted.',
  session_failed: 'The inference process failed and is being replaced. Try again.',
  deadline_exceeded: 'The answer took too long: the server is slow or busy. Try again.',
  internal: 'That is a bug. Tell the operator the request id below; the log knows more.',
  unreachable: 'Is the server still running, and are you still connected? Then try again.',
}

const otherwise = 'Try again; if it stays, ask whoever runs the server.'

export function adviceFor({ code }: Problem): string {
  return advice[code] ?? otherwise
}

/** The detail as a sentence. */
export function sentenceOf({ title, detail }: Problem): string {
  const text = inLargeUnits(detail === '' ? title : detail)
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

/** `20971520 bytes` is exact, and nobody can read it; the page shows sizes in MB. */
function inLargeUnits(text: string): string {
  return text
    .replaceAll(/\b(\d{7,}) bytes\b/g, (_, bytes) => `${(Number(bytes) / 1_000_000).toFixed(1)} MB`)
    .replaceAll(/\b(\d+)000 ms\b/g, '$1 s')
}
