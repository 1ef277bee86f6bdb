// Hugging Face's image classification task, on its own path and on the bare address of an endpoint:
// raw bytes or {"inputs": base64, "parameters": {...}} in, [{label, score}, ...] out.
// https://huggingface.co/docs/inference-providers/tasks/image-classification
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { toProbabilities } from '../../classification/score.ts'
import type { ScoredImage } from '../../classification/types.ts'
import { readCodedBody } from '../coded-body.ts'
import type { Edge } from '../edge.ts'
import { HttpError } from '../failure.ts'
import { isJsonBody, maxJsonBytes } from '../json-image.ts'
import { addOperation } from '../operation.ts'
import { bodyTooLarge } from '../read-body.ts'
import { isFormType, readImage } from '../read-image.ts'
import { admitCall, bodyOptions, callOf, scoreImage } from './call.ts'
import { type ErrorShape, pathOf, pathText } from './error-shape.ts'
import { badField, type Fields, wholeOf } from './fields.ts'
import { rankLabels } from './ranking.ts'
import { onlyJson } from './read-tensors.ts'

const defaultTopK = 5
const maxTopK = 100_000

export function addHuggingFace(app: FastifyInstance, edge: Edge): void {
  const maxBytes = maxJsonBytes(edge.limits.maxImageBytes)
  const target = (request: FastifyRequest) => ({
    model: pathText(request, 'model'),
    version: undefined,
  })
  for (const id of ['huggingFaceClassify', 'huggingFaceEndpoint']) {
    addOperation(app, edge.contract, id).as(() => ({
      onRequest: admitCall(edge, target, maxBytes),
      handler: async (request) => {
        const { image, parameters } = await readInput(edge, request)
        const topK = wholeOf(parameters.top_k ?? defaultTopK, 'top_k', [1, maxTopK])
        const wanted = functionOf(parameters.function_to_apply)
        const scored = await scoreImage(edge, request, { bytes: image, ...wants[wanted] })
        return rankLabels(apply(wanted, scored), scored.labels, topK)
      },
    }))
  }
}

async function readInput(edge: Edge, request: FastifyRequest) {
  const { maxImageBytes } = edge.limits
  const call = callOf(request)
  const query = queryParameters(request.query as Record<string, unknown>)
  const contentType = request.headers['content-type'] ?? ''
  if (isFormType(contentType)) {
    const { tensors } = edge
    const image = await readImage(request, { ...call, tensors, maxImageBytes, parameters: [] })
    return { image, parameters: query }
  }
  const body = await readCodedBody(request, bodyOptions(call, maxJsonBytes(maxImageBytes)))
  if (isJsonBody(body, contentType)) {
    const given = onlyJson(body, maxImageBytes)
    const { images, parameters } = await edge.tensors.read('huggingFace', given, call.signal)
    return { image: images[0].bytes, parameters: { ...query, ...parameters } }
  }
  if (body.length > maxImageBytes) throw bodyTooLarge(maxImageBytes)
  if (body.length === 0) throw new HttpError('image_missing', 'the request has no body')
  return { image: body, parameters: query }
}

/** @huggingface/inference drops `parameters` where it sends a Blob, so the query is read too. */
function queryParameters({ top_k, function_to_apply }: Record<string, unknown>): Fields {
  return {
    ...(top_k === undefined ? {} : { top_k: /^\d+$/.test(String(top_k)) ? Number(top_k) : top_k }),
    ...(function_to_apply === undefined ? {} : { function_to_apply }),
  }
}

type ScoreFunction = keyof typeof wants

/** What each function is applied to. */
const wants = {
  softmax: {},
  sigmoid: { wants: 'logits' },
  none: { wants: 'raw' },
} as const

function functionOf(value: unknown): ScoreFunction {
  if (value === undefined || value === null) return 'softmax'
  if (value === 'softmax' || value === 'sigmoid' || value === 'none') return value
  throw badField('function_to_apply', value, 'softmax, sigmoid or none')
}

/** @param scored logits, unless softmax is wanted */
function apply(wanted: ScoreFunction, { scores, kind }: ScoredImage): Float32Array {
  if (wanted === 'softmax') return toProbabilities(scores, kind)
  return wanted === 'none' ? scores : scores.map((logit) => 1 / (1 + Math.exp(-logit)))
}

export const huggingFaceErrors: ErrorShape = {
  matches: (request) =>
    pathOf(request).startsWith('/models/') ||
    (request.method === 'POST' && pathOf(request) === '/'),
  bodyOf: ({ detail }) => ({ error: detail }),
}
