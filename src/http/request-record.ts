// What the log and the metrics will say of a request, gathered while it is served.
import type { FastifyRequest } from 'fastify'
import type { RequestTrace } from './options.ts'
import type { Failure } from './problem.ts'

export interface RequestRecord {
  /** `performance.now()` when the headers had arrived. */
  readonly startedAt: number
  /** Milliseconds until it was admitted. */
  admissionMs?: number
  /** Versions that answered, e.g. `resnet50`, `1`. */
  models?: readonly { readonly model: string; readonly version: string }[]
  /** Encoded size of its image. */
  imageBytes?: number
  /** `performance.now()` when the answer was ready to be written. */
  respondedAt?: number
  failure?: Failure
  /** Absent where nothing collects traces. */
  trace?: RequestTrace
}

const records = new WeakMap<FastifyRequest['raw'], RequestRecord>()

/** The record of a request; begins one where there is none yet. */
export function recordOf({ raw }: FastifyRequest): RequestRecord {
  const found = records.get(raw)
  if (found !== undefined) return found
  const record: RequestRecord = { startedAt: performance.now() }
  records.set(raw, record)
  return record
}
