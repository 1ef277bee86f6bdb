// POST and PUT /v1/classify: one image, one answer a model.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { answerOf, timingHeaders } from './answer.ts'
import { admitCall, callOf } from './classify-request.ts'
import type { Edge } from './edge.ts'
import { areSame, entityTag, isMatch, resolveStates } from './entity-tag.ts'
import { orAborted } from './exchange.ts'
import { addOperation } from './operation.ts'
import { readImage } from './read-image.ts'
import { recordOf } from './request-record.ts'

export function addClassifyRoutes(app: FastifyInstance, edge: Edge): void {
  for (const id of ['classifyImage', 'classifyImageByPut']) {
    addOperation(app, edge.contract, id).as((operation) => ({
      onRequest: admitCall(edge, operation),
      handler: (request, reply) => classifyImage(edge, request, reply),
    }))
  }
}

async function classifyImage(edge: Edge, request: FastifyRequest, reply: FastifyReply) {
  const { classifier, defaultModel, limits } = edge
  const { targets, topK, deadline, signal, claim, parameters } = callOf(request)
  const { maxImageBytes } = limits
  const image = await readImage(request, { maxImageBytes, claim, signal, parameters })
  const record = recordOf(request)
  record.imageBytes = image.length

  const states = resolveStates(targets, classifier.models(), defaultModel)
  const tag = states === undefined ? undefined : entityTag({ image, states, topK })
  if (tag !== undefined && isMatch(request.headers['if-none-match'], tag)) {
    return reply
      .code(304)
      .headers({ etag: tag, ...notStored })
      .send()
  }

  const work = classifier.classify({ image, targets, topK, deadline, signal })
  const classifications = await orAborted(work, signal)
  record.models = classifications.map(({ model, version }) => ({ model, version }))
  record.respondedAt = performance.now()
  reply.headers({ ...timingHeaders(classifications), ...notStored })
  if (states !== undefined && tag !== undefined && areSame(states, classifications)) {
    reply.header('etag', tag)
  }
  return answerOf(classifications)
}

/** Caches may keep an answer, but have to ask each time. */
const notStored = { 'cache-control': 'private, no-cache' }
