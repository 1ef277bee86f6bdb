// What every dialect does with a request: admit it before its body is read, then have its images
// scored together, each through the batcher on its own.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { cancelledWith } from '../../cancellation.ts'
import type { ScoredImage, ScoreInput, ScoreRequest, Target } from '../../classification/types.ts'
import { ServiceError } from '../../errors.ts'
import { type Admitted, admitRequest, clientTimeoutOf, imagesAtOnce } from '../admission.ts'
import type { Edge } from '../edge.ts'
import { orAborted } from '../exchange.ts'
import { HttpError } from '../failure.ts'
import type { ReadBodyOptions } from '../read-body.ts'
import { recordOf } from '../request-record.ts'
import { maxImages } from './limits.ts'

export interface DialectCall extends Admitted {
  readonly target: Target
}

/** Of a request's images, how many are under way together: enough to fill batches, too few to fill the queue. */
const imagesInFlight = 32

const callKey = Symbol('call')

interface Called {
  [callKey]?: DialectCall
}

/** An onRequest hook: refuses what cannot be answered, before a byte of the body is read. */
export function admitCall(
  edge: Edge,
  targetOf: (request: FastifyRequest) => Target,
  maxBytes?: number,
) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const target = targetOf(request)
    const wanted = {
      targets: [target],
      timeoutMs: clientTimeoutOf(request),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    }
    const admitted = admitRequest(edge, { request, reply }, wanted)
    const [admittedTarget = target] = admitted.targets // keyed, for splits of the traffic
    ;(request as Called)[callKey] = { ...admitted, target: admittedTarget }
    done()
  }
}

export function callOf(request: FastifyRequest): DialectCall {
  const call = (request as Called)[callKey]
  if (call === undefined) throw new Error('the request was not admitted. This is a bug.')
  return call
}

/** How the body of a call is read. */
export function bodyOptions({ claim, signal }: DialectCall, maxBytes: number): ReadBodyOptions {
  return { maxBytes, claim, signal }
}

/** The call with a deadline of its own, which may only be earlier. */
export function within(call: DialectCall, timeoutMs: number): DialectCall {
  const deadline = Math.min(call.deadline, call.startedAt + timeoutMs)
  if (deadline === call.deadline) return call
  const signal = cancelledWith(call.signal)
  const late = () => {
    const message = `there was no answer within the ${timeoutMs} ms that the request allows`
    signal.abort(new ServiceError('deadline_exceeded', message))
  }
  const timer = setTimeout(late, Math.max(0, deadline - performance.now()))
  timer.unref()
  call.signal.addEventListener('abort', () => clearTimeout(timer))
  return { ...call, deadline, signal }
}

interface ScoreCall extends Pick<ScoreRequest, 'wants'> {
  readonly request: FastifyRequest
  readonly call: DialectCall
}

/**
 * The scores of all images, in order. The first that fails fails the request.
 * @throws ServiceError of `Classifier.score`
 */
export async function scoreAll(
  edge: Edge,
  { request, call, wants }: ScoreCall,
  inputs: readonly ScoreInput[],
): Promise<readonly ScoredImage[]> {
  if (inputs.length < 1 || inputs.length > maxImages) {
    const message = `the request has ${inputs.length} images; allowed are 1 to ${maxImages}`
    throw new HttpError('bad_request', message)
  }
  const record = recordOf(request)
  record.imageBytes = inputs.reduce((sum, { bytes }) => sum + bytes.length, 0)
  const signal = cancelledWith(call.signal)
  const results: ScoredImage[] = []
  let next = 0
  const work = async () => {
    while (next < inputs.length) {
      const at = next++
      const input = inputs[at] as ScoreInput
      const { target, deadline } = call
      const request = { input, target, deadline, signal }
      results[at] = await edge.classifier.score(
        wants === undefined ? request : { ...request, wants },
      )
    }
  }
  try {
    const isAlone = inputs.length === 1
    const length = isAlone ? 1 : imagesAtOnce(edge, [call.target], imagesInFlight)
    const workers = Array.from({ length }, work)
    await orAborted(Promise.all(workers), call.signal)
  } catch (error) {
    next = inputs.length
    signal.abort(error) // what still waits is not worth computing any more
    throw error
  }
  const [{ model, version }] = results as [ScoredImage]
  record.models = [{ model, version }]
  record.respondedAt = performance.now()
  return results
}

/** One encoded image. */
export async function scoreImage(
  edge: Edge,
  request: FastifyRequest,
  { bytes, wants }: { readonly bytes: Uint8Array } & Pick<ScoreRequest, 'wants'>,
): Promise<ScoredImage> {
  const asked = { request, call: callOf(request), ...(wants === undefined ? {} : { wants }) }
  const [only] = await scoreAll(edge, asked, [{ form: 'image', bytes }])
  return only as ScoredImage
}
