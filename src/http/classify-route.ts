// POST and PUT /v1/classify: one image, one answer a model.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Classification, ClassifyRequest } from '../classification/types.ts'
import { answerOf, setCacheHeader, setTimingHeaders } from './answer.ts'
import { admitCall, type ClassifyCall, callOf } from './classify-request.ts'
import type { Edge } from './edge.ts'
import { answerTag, digestOf, entityTag, isMatch } from './entity-tag.ts'
import { orAborted } from './exchange.ts'
import { HttpError } from './failure.ts'
import { addOperation } from './operation.ts'
import { readImage } from './read-image.ts'
import { recordOf } from './request-record.ts'
import { addVary } from './vary.ts'

export function addClassifyRoutes(app: FastifyInstance, edge: Edge): void {
  for (const id of ['classifyImage', 'classifyImageByPut']) {
    addOperation(app, edge.contract, id).as((operation) => ({
      onRequest: admitCall(edge, operation),
      handler: (request, reply) => classifyImage(edge, request, reply),
    }))
  }
}

async function classifyImage(edge: Edge, request: FastifyRequest, reply: FastifyReply) {
  const { classifier, limits, tensors } = edge
  const call = callOf(request)
  const { targets, wishes, labels, deadline, signal, claim, parameters } = call
  const asPicture = wantsPicture(request, call)
  const { maxImageBytes } = limits
  const image = await readImage(request, { tensors, maxImageBytes, claim, signal, parameters })
  const record = recordOf(request)
  record.imageBytes = image.length

  const condition = request.headers['if-none-match']
  const imageDigest = condition === undefined ? undefined : await digestOf(image)
  const { topK, threshold, rollup, explain } = wishes
  const form = `${topK} ${threshold} ${rollup} ${explain} ${labels} ${asPicture}`
  const tag = knownTag(edge, condition, { imageDigest, targets, form })
  addVary(reply, 'accept')
  if (tag !== undefined) {
    return reply
      .code(304)
      .headers({ etag: tag, ...notStored })
      .send()
  }

  const asked = { image, imageDigest, targets, topK, threshold, rollup, explain, deadline, signal }
  const work = classifier.classify(asked)
  const classifications = await orAborted(work, signal)
  record.models = classifications.map(({ model, version }) => ({ model, version }))
  record.respondedAt = performance.now()
  setTimingHeaders(reply, classifications)
  setCacheHeader(reply, classifications, edge.keepsResults)
  reply.headers(notStored).header('etag', answerTag(classifications, form))
  return asPicture ? sendPicture(reply, classifications) : answerOf(classifications, labels)
}

/** The tag of the answer, where the client says that it has that answer already. */
function knownTag(
  { classifier }: Edge,
  condition: string | undefined,
  {
    imageDigest: digest,
    targets,
    form,
  }: Pick<ClassifyRequest, 'imageDigest' | 'targets'> & { readonly form: string },
): string | undefined {
  if (condition === undefined || digest === undefined) return undefined
  const identities = classifier.identify(targets)
  if (identities === undefined) return undefined
  const tag = entityTag({ digest, identities, form })
  return isMatch(condition, tag) ? tag : undefined
}

/** Caches may keep an answer, but have to ask each time. */
const notStored = { 'cache-control': 'private, no-cache' }

/** Whether the heat-map is wanted by itself. @throws HttpError where it could not be one picture */
function wantsPicture({ headers }: FastifyRequest, { wishes, targets }: ClassifyCall): boolean {
  const isWanted = /^\s*image\/(png|\*)/i.test(headers.accept ?? '')
  if (!isWanted || wishes.explain === undefined) return false
  if (targets.length === 1) return true
  throw new HttpError(
    'bad_parameter',
    'model names several models, whose heat-maps are no one picture; accept application/json',
  )
}

function sendPicture(reply: FastifyReply, [first]: readonly Classification[]) {
  const { model = '', version = '', predictions = [], explanation } = first ?? {}
  if (explanation === undefined) throw new Error('there is no explanation to send. This is a bug.')
  const [best] = predictions
  return reply
    .headers({
      'x-model': `${model}/${version}`,
      'x-class': `${explanation.index}; p=${(best?.probability ?? 0).toFixed(4)}`,
    })
    .type(explanation.mediaType)
    .send(explanation.png)
}
