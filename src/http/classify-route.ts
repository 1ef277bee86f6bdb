// POST and PUT /v1/classify: one image, one answer a model.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ClassifyRequest } from '../classification/types.ts'
import { answerOf, timingHeaders } from './answer.ts'
import { admitCall, callOf } from './classify-request.ts'
import type { Edge } from './edge.ts'
import { answerTag, digestOf, entityTag, isMatch } from './entity-tag.ts'
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
  const { classifier, limits } = edge
  const { targets, topK, deadline, signal, claim, parameters } = callOf(request)
  const { maxImageBytes } = limits
  const image = await readImage(request, { maxImageBytes, claim, signal, parameters })
  const record = recordOf(request)
  record.imageBytes = image.length

  const tag = knownTag(edge, request, { image, targets, topK })
  if (tag !== undefined) {
    return reply
      .code(304)
      .headers({ etag: tag, ...notStored })
      .send()
  }

  const work = classifier.classify({ image, targets, topK, deadline, signal })
  const classifications = await orAborted(work, signal)
  record.models = classifications.map(({ model, version }) => ({ model, version }))
  record.respondedAt = performance.now()
  const etag = answerTag(classifications, topK)
  reply.headers({ ...timingHeaders(classifications), ...notStored, etag })
  return answerOf(classifications)
}

/** The tag of the answer, where the client says that it has that answer already. */
function knownTag(
  { classifier }: Edge,
  { headers }: FastifyRequest,
  { image, targets, topK }: Pick<ClassifyRequest, 'image' | 'targets' | 'topK'>,
): string | undefined {
  const condition = headers['if-none-match']
  const identities = condition === undefined ? undefined : classifier.identify(targets)
  if (condition === undefined || identities === undefined) return undefined
  const tag = entityTag({ digest: digestOf(image), identities, topK })
  return isMatch(condition, tag) ? tag : undefined
}

/** Caches may keep an answer, but have to ask each time. */
const notStored = { 'cache-control': 'private, no-cache' }
