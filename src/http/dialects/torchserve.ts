// TorchServe's inference API: POST or PUT an image to /predictions/{model}[/{version}], get
// {"tabby": 0.93, ...}. https://docs.pytorch.org/serve/inference_api.html
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Edge } from '../edge.ts'
import { addOperation } from '../operation.ts'
import type { ProblemCode } from '../problem.ts'
import { readImage } from '../read-image.ts'
import { admitCall, callOf, scoreImage } from './call.ts'
import { type ErrorShape, pathOf, pathText } from './error-shape.ts'
import { bestLabels, type RankedLabel } from './ranking.ts'

/** What TorchServe's image_classifier handler answers by default. */
const classes = 5

export function addTorchserve(app: FastifyInstance, edge: Edge): void {
  const { contract, classifier, draining } = edge
  const predictions = ['', 'Version'].flatMap((suffix) =>
    ['torchservePredict', 'torchservePredictByPut'].map((id) => `${id}${suffix}`),
  )
  for (const id of predictions) {
    addOperation(app, contract, id).as(() => ({
      onRequest: admitCall(edge, targetOf),
      handler: async (request, reply) => {
        const { claim, signal } = callOf(request)
        const { tensors } = edge
        const { maxImageBytes } = edge.limits
        const reading = { tensors, maxImageBytes, claim, signal, parameters: [] }
        const image = await readImage(request, reading)
        const best = bestLabels(await scoreImage(edge, request, { bytes: image }), classes)
        return reply.type('application/json; charset=utf-8').send(bestFirst(best))
      },
    }))
  }
  addOperation(app, contract, 'torchservePing').as(() => ({
    handler: (_request, reply) => {
      const healthy = !draining() && classifier.ready()
      const status = healthy ? 'Healthy' : 'Unhealthy'
      return reply
        .code(healthy ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status })
    },
  }))
}

/**
 * {"tabby": 0.93, ...} as text, best first: an object would put labels that are numbers before all
 * others. Of classes that share a label (ImageNet has a few) the better one is told.
 */
function bestFirst(best: readonly RankedLabel[]): string {
  const members = new Map<string, string>()
  for (const { label, score } of best) {
    if (!members.has(label)) members.set(label, `${JSON.stringify(label)}:${JSON.stringify(score)}`)
  }
  return `{${[...members.values()].join()}}`
}

function targetOf(request: FastifyRequest) {
  return { model: pathText(request, 'model'), version: pathText(request, 'version') }
}

const types: Partial<Record<ProblemCode, string>> = {
  model_not_found: 'ModelNotFoundException',
  version_not_found: 'ModelVersionNotFoundException',
  route_not_found: 'ResourceNotFoundException',
  method_not_allowed: 'MethodNotAllowedException',
  unauthorized: 'InvalidKeyException',
  internal: 'InternalServerException',
}

export const torchserveErrors: ErrorShape = {
  matches: (request) => /^\/(predictions(\/|$)|ping$)/.test(pathOf(request)),
  bodyOf: ({ code, status, detail }) => ({
    code: status,
    type:
      types[code] ??
      (status >= 500 || status === 429 ? 'ServiceUnavailableException' : 'BadRequestException'),
    message: detail,
  }),
}
