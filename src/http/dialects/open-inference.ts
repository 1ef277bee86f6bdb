// Open Inference Protocol V2, as Triton, KServe, OpenVINO Model Server and MLServer speak it.
// https://github.com/kserve/open-inference-protocol
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ModelState, Target } from '../../classification/types.ts'
import { readCodedBody, sendCoded } from '../coded-body.ts'
import type { Edge } from '../edge.ts'
import { HttpError } from '../failure.ts'
import { addOperation } from '../operation.ts'
import { headerLengthName, splitBody } from './binary-tensors.ts'
import { admitCall, bodyOptions, callOf, scoreAll, within } from './call.ts'
import { type ErrorShape, pathOf, pathText } from './error-shape.ts'
import { maxTensorBytes } from './limits.ts'
import { inferAnswer } from './open-inference-answer.ts'
import { modelConfig, modelMetadata, modelStatistics } from './open-inference-models.ts'

const extensions = [
  ...['classification', 'binary_tensor_data', 'parameters', 'schedule_policy'],
  ...['model_configuration', 'statistics', 'model_repository'],
]

export function addOpenInference(app: FastifyInstance, edge: Edge): void {
  addServerRoutes(app, edge)
  for (const suffix of ['', 'Version']) addModelRoutes(app, edge, suffix)
}

function addServerRoutes(app: FastifyInstance, edge: Edge): void {
  const { contract, classifier, draining, version } = edge
  const get = (id: string, answer: (request: FastifyRequest, reply: FastifyReply) => unknown) =>
    addOperation(app, contract, id).as(() => ({ handler: async (...given) => answer(...given) }))

  get('v2Server', () => ({ name: 'resnet-serving', version, extensions }))
  get('v2ServerSlash', () => ({ name: 'resnet-serving', version, extensions }))
  get('v2Live', (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ live: true, ready: true }),
  )
  get('v2Ready', (_request, reply) => {
    const ready = !draining() && classifier.ready()
    return reply
      .header('cache-control', 'no-store')
      .code(ready ? 200 : 503)
      .send({ live: true, ready, ...(ready ? {} : { error: 'the service is not ready' }) })
  })
  get('v2AllStatistics', () => ({ model_stats: classifier.statistics().map(modelStatistics) }))
  get('v2RepositoryIndex', () =>
    classifier.models().map(({ model, version, state, message }) => ({
      name: model,
      version,
      state: state === 'ready' ? 'READY' : state === 'failed' ? 'UNAVAILABLE' : state.toUpperCase(),
      reason: message === undefined ? '' : 'the version cannot be served; the log knows why',
    })),
  )
  for (const id of ['v2RepositoryLoad', 'v2RepositoryUnload']) {
    get(id, () => {
      const message =
        'models are loaded and unloaded by what the model repository holds, not by requests: ' +
        'add or remove a version there'
      throw new HttpError('bad_request', message)
    })
  }
}

/** @param suffix of the operations: with or without a version in the path */
function addModelRoutes(app: FastifyInstance, edge: Edge, suffix: string): void {
  const { contract, classifier } = edge
  const get = (id: string, answer: (state: ModelState, request: FastifyRequest) => object) =>
    addOperation(app, contract, `${id}${suffix}`).as(() => ({
      handler: async (request) => answer(classifier.state(targetOf(request)), request),
    }))

  get('v2ModelMetadata', (state) => {
    const versions = classifier.models().filter(({ model }) => model === state.model)
    return modelMetadata(
      state,
      versions.filter(({ state }) => state === 'ready').map(({ version }) => version),
    )
  })
  get('v2ModelReady', ({ model, state }) => {
    if (state !== 'ready') throw new HttpError('not_ready', `${model} has no session at the moment`)
    return { name: model, ready: true }
  })
  get('v2ModelConfig', modelConfig)
  get('v2ModelStatistics', ({ model, version }, request) => {
    const isWanted = pathText(request, 'version') !== undefined
    const stats = classifier.statistics().filter((each) => each.model === model)
    const chosen = isWanted ? stats.filter((each) => each.version === version) : stats
    return { model_stats: chosen.map(modelStatistics) }
  })
  addOperation(app, contract, `v2Infer${suffix}`).as(() => ({
    onRequest: admitCall(edge, targetOf, maxTensorBytes),
    handler: (request, reply) => infer(edge, request, reply),
  }))
}

function targetOf(request: FastifyRequest): Target {
  return { model: pathText(request, 'model'), version: pathText(request, 'version') }
}

async function infer(edge: Edge, request: FastifyRequest, reply: FastifyReply) {
  const admitted = callOf(request)
  const body = await readCodedBody(request, bodyOptions(admitted, maxTensorBytes))
  const header = request.headers[headerLengthName]
  const given = {
    ...splitBody(body, header?.toString()),
    state: edge.classifier.state(admitted.target),
    maxImageBytes: edge.limits.maxImageBytes,
  }
  const wanted = await edge.tensors.read('infer', given, admitted.signal)
  const { timeoutMs } = wanted
  const call = timeoutMs === undefined ? admitted : within(admitted, timeoutMs)
  const images = await scoreAll(edge, { request, call }, wanted.images)
  const answer = await inferAnswer(wanted, images, call)
  if (answer.headerBytes === undefined) {
    reply.type('application/json')
  } else {
    reply.type('application/octet-stream').header(headerLengthName, answer.headerBytes)
  }
  return await sendCoded(request, reply, answer.parts)
}

export const openInferenceErrors: ErrorShape = {
  matches: (request) => /^\/v2(\/|$)/.test(pathOf(request)),
  bodyOf({ code, detail }) {
    const isUnknown = code === 'model_not_found' || code === 'version_not_found'
    return { error: isUnknown ? `Request for unknown model: ${detail}` : detail }
  },
}
