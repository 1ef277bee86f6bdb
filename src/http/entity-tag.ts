// ETag of an answer: the same image, asked of the same versions in the same way, has the same one.
// It is known before inference, so that If-None-Match saves the whole work.
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Classification } from '../classification/types.ts'
import { createPauses } from './turns.ts'

export interface EntityTagOptions {
  /** SHA-256 of the image, base64url. */
  readonly digest: string
  /** What answers; see `Classifier.identify`. */
  readonly identities: readonly string[]
  /** All that the client said of the answer's form. */
  readonly form: string
}

/** A weak tag: the same image in another batch may differ in the last bits of a probability. */
export function entityTag({ digest, identities, form }: EntityTagOptions): string {
  const who = identities.length === 1 ? (identities[0] as string) : JSON.stringify(identities)
  return `W/"${digest}.${questionTag(who, form)}"`
}

/** Enough to tell questions of one image apart: 132 bits in base64url. */
const questionTagLength = 22
/** Versions, or lists of them, that are asked at one time, generously; and forms of each. */
const maxAsked = 100
const maxForms = 100
/**
 * Clients ask the same of image after image. Found by who is asked first: that long text is always the
 * same string, whose hash V8 has already.
 */
const asked = new LRUCache<string, LRUCache<string, string>>({ max: maxAsked })

/** The part of a tag that says what was asked of the image, and of which versions. */
function questionTag(who: string, form: string): string {
  let tags = asked.get(who)
  if (tags === undefined) {
    tags = new LRUCache({ max: maxForms })
    asked.set(who, tags)
  }
  let tag = tags.get(form)
  if (tag === undefined) {
    const hash = createHash('sha256').update(JSON.stringify(['v3', who, form]))
    tag = hash.digest('base64url').slice(0, questionTagLength)
    tags.set(form, tag)
  }
  return tag
}

/** The tag of an answer that was computed. */
export function answerTag(classifications: readonly Classification[], form: string): string {
  const digest = classifications[0]?.imageDigest ?? ''
  return entityTag({ digest, identities: classifications.map(({ identity }) => identity), form })
}

const bytesAtOnce = 1024 * 1024

/** The digest of an image that is not decoded yet, as the decoding thread would make it. */
export async function digestOf(image: Uint8Array): Promise<string> {
  const hash = createHash('sha256')
  const pause = createPauses()
  for (let at = 0; at < image.length; at += bytesAtOnce) {
    hash.update(image.subarray(at, at + bytesAtOnce))
    await pause()
  }
  return hash.digest('base64url')
}

/** Whether an If-None-Match header names the tag (weak comparison, RFC 9110 §13.1.2). */
export function isMatch(header: string, tag: string): boolean {
  const opaque = tag.replace(/^W\//, '')
  return header.split(',').some((item) => item.trim().replace(/^W\//, '') === opaque)
}
