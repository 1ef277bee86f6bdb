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

/** A property and not a WeakMap: the garbage collector looks at all of a map's keys each time. */
const recordKey = Symbol('record')

interface Recorded {
  [recordKey]?: RequestRecord
}

/** The record of a request; begins one where there is none yet. */
export function recordOf({ raw }: FastifyRequest): RequestRecord {
  const recorded = raw as Recorded
  recorded[recordKey] ??= { startedAt: performance.now() }
  return recorded[recordKey]
}
