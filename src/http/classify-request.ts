// What the query and headers of a classification ask for, admitted: shared by one image and many.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClassifyRequest, ExplanationForm, Target } from '../classification/types.ts'
import { type Admitted, admitRequest } from './admission.ts'
import type { Operation } from './contract.ts'
import type { Edge } from './edge.ts'
import { isTrue, listOf, numberOf, type Parameters, readParameters, textOf } from './parameters.ts'

/** What the answer is to hold. */
type Wishes = Pick<ClassifyRequest, 'topK' | 'threshold' | 'rollup' | 'explain'>

export interface ClassifyCall extends Admitted {
  readonly wishes: Wishes
  /** False leaves names out of the answer and gives bare indices. */
  readonly labels: boolean
  /** Names of its query parameters. */
  readonly parameters: readonly string[]
}

const defaultTopK = 5
const callKey = Symbol('call')

interface Called {
  [callKey]?: ClassifyCall
}

/** An onRequest hook: checks parameters, then admits. */
export function admitCall(edge: Edge, operation: Operation, maxBytes?: number) {
  const names = operation.query.map(({ name }) => name)
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const parameters = readParameters(request, operation)
    const version = textOf(parameters, 'version')
    const models = listOf(parameters, 'model') ?? [undefined]
    const named: Target[] = models.map((model) => ({ model, version }))
    const { startedAt, deadline, signal, targets, claim, answer } = admitRequest(
      edge,
      { request, reply },
      {
        targets: named,
        timeoutMs: numberOf(parameters, 'X-Request-Timeout-Ms'),
        ...(maxBytes === undefined ? {} : { maxBytes }),
      },
    )
    ;(request as Called)[callKey] = {
      startedAt,
      deadline,
      signal,
      targets,
      claim,
      answer,
      wishes: wishesOf(parameters),
      labels: isTrue(parameters, 'labels') ?? true,
      parameters: names,
    }
    done()
  }
}

const explanationForms: Readonly<Record<string, ExplanationForm | undefined>> = {
  true: 'heat-map',
  overlay: 'overlay',
  false: undefined,
}

function wishesOf(parameters: Parameters): Wishes {
  return {
    topK: numberOf(parameters, 'top_k') ?? defaultTopK,
    threshold: numberOf(parameters, 'threshold'),
    rollup: isTrue(parameters, 'rollup') ?? false,
    explain: explanationForms[textOf(parameters, 'explain') ?? 'false'],
  }
}

/** The admitted call of a request, for its handler. */
export function callOf(request: FastifyRequest): ClassifyCall {
  const call = (request as Called)[callKey]
  if (call === undefined) throw new Error('the request was not admitted. This is a bug.')
  return call
}
