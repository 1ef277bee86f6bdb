// ETag of an answer: the same image, asked of the same versions in the same way, has the same one.
// It is known before inference, so that If-None-Match saves the whole work.
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Classification } from '../classification/types.ts'

export interface EntityTagOptions {
  /** SHA-256 of the image, base64url. */
  readonly digest: string
  /** What answers; see `Classifier.identify`. */
  readonly identities: readonly string[]
  /** All that the client said of the answer's form. */
  readonly form: unknown
}

/** A weak tag: the same image in another batch may differ in the last bits of a probability. */
export function entityTag({ digest, identities, form }: EntityTagOptions): string {
  return `W/"${digest}.${questionTag(`v3 ${identities.join(' ')} ${JSON.stringify(form)}`)}"`
}

/** Enough to tell questions of one image apart: 132 bits in base64url. */
const questionTagLength = 22
/** Models, versions and forms that are asked for at one time, generously. */
const maxQuestions = 500
/** Clients ask the same of image after image. */
const questionTags = new LRUCache<string, string>({ max: maxQuestions })

/** The part of a tag that says what was asked of the image, and of which versions. */
function questionTag(question: string): string {
  const known = questionTags.get(question)
  if (known !== undefined) return known
  const hash = createHash('sha256').update(question).digest('base64url')
  const tag = hash.slice(0, questionTagLength)
  questionTags.set(question, tag)
  return tag
}

/** The tag of an answer that was computed. */
export function answerTag(classifications: readonly Classification[], form: unknown): string {
  const digest = classifications[0]?.imageDigest ?? ''
  return entityTag({ digest, identities: classifications.map(({ identity }) => identity), form })
}

/** The digest of an image that is not decoded yet, as the decoding thread would make it. */
export function digestOf(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('base64url')
}

/** Whether an If-None-Match header names the tag (weak comparison, RFC 9110 §13.1.2). */
export function isMatch(header: string, tag: string): boolean {
  const opaque = tag.replace(/^W\//, '')
  return header.split(',').some((item) => item.trim().replace(/^W\//, '') === opaque)
}
