// Admission: everything that can be refused is refused from the headers alone, before a byte of the
// body is read.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Target } from '../classification/types.ts'
import type { AnswerBudget, AnswerClaim } from './answer-budget.ts'
import { beginExchange, type Exchange } from './exchange.ts'
import type { HttpOptions } from './options.ts'
import { badParameter } from './parameter-rule.ts'
import { bodyTooLarge } from './read-body.ts'
import { maxBodyBytes } from './read-image.ts'
import { recordOf } from './request-record.ts'
import type { UploadBudget, UploadClaim } from './upload-budget.ts'

export interface AdmissionOptions extends Pick<HttpOptions, 'classifier' | 'limits'> {
  readonly uploads: UploadBudget
  readonly answers: AnswerBudget
}

export interface AdmissionRequest {
  readonly targets: readonly Target[]
  /** What the client allows, in milliseconds. */
  readonly timeoutMs?: number | undefined
  /** Largest body; absent, what one image takes in the form the Content-Type announces. */
  readonly maxBytes?: number
}

export interface Admitted extends Exchange {
  /** With the request's id as key: equal ids get the same version of a split. */
  readonly targets: readonly Target[]
  /** Counts the bytes of its upload; released by itself when the request ends. */
  readonly claim: UploadClaim
  /** Counts the bytes of its answer where they may be many; released in the same way. */
  readonly answer: AnswerClaim
}

/**
 * Lets a request in; call it in an onRequest hook.
 * @throws HttpError body_too_large; ServiceError of `Classifier.admit`
 */
export function admitRequest(
  options: AdmissionOptions,
  { request, reply }: { readonly request: FastifyRequest; readonly reply: FastifyReply },
  { targets: named, timeoutMs, maxBytes }: AdmissionRequest,
): Admitted {
  const targets = named.map(({ model, version, key = request.id }) => ({ model, version, key }))
  const { limits, classifier, uploads, answers } = options
  const record = recordOf(request)
  assertBodyFits(request, maxBytes ?? maxBodyBytes(contentTypeOf(request), limits.maxImageBytes))
  const claim = uploads.open()
  const answer = answers.open()
  const exchange = beginExchange(request, reply, {
    startedAt: record.startedAt,
    requestTimeoutMs: limits.requestTimeoutMs,
    clientTimeoutMs: timeoutMs,
    ended: () => {
      claim.release()
      answer.release()
    },
  })
  classifier.admit(targets, exchange.deadline)
  record.admissionMs = performance.now() - record.startedAt
  const { startedAt, deadline, signal } = exchange
  return { startedAt, deadline, signal, targets, claim, answer }
}

/**
 * How many images of one request may be under way together, `most` at best: no more than may wait for
 * any of the models, or a request alone would find the queue filled by itself.
 * @throws ServiceError model_not_found, version_not_found
 */
export function imagesAtOnce(
  { classifier }: Pick<AdmissionOptions, 'classifier'>,
  targets: readonly Target[],
  most: number,
): number {
  return Math.min(most, ...targets.map((target) => classifier.state(target).maxQueueSize))
}

/** X-Request-Timeout-Ms, for routes whose parameters do not come from openapi.yaml. */
export function clientTimeoutOf({ headers }: FastifyRequest): number | undefined {
  const text = headers['x-request-timeout-ms']
  if (text === undefined) return undefined
  if (typeof text !== 'string' || !/^[1-9]\d{0,9}$/.test(text)) {
    throw badParameter('X-Request-Timeout-Ms', String(text), 'a positive integer')
  }
  return Number(text)
}

function contentTypeOf({ headers }: FastifyRequest): string {
  return headers['content-type'] ?? ''
}

function assertBodyFits({ headers }: FastifyRequest, maxBytes: number): void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw bodyTooLarge(maxBytes)
}
