// DeepStack and CodeProject.AI: POST a form with `image` to /v1/vision/scene, get the best class.
// https://docs.deepstack.cc/scene-recognition/
import type { FastifyInstance } from 'fastify'
import type { Edge } from '../edge.ts'
import { addOperation } from '../operation.ts'
import { readImage } from '../read-image.ts'
import { admitCall, callOf, scoreImage } from './call.ts'
import { type ErrorShape, pathOf } from './error-shape.ts'
import { bestLabels } from './ranking.ts'

export function addDeepstack(app: FastifyInstance, edge: Edge): void {
  addOperation(app, edge.contract, 'deepstackScene').as(() => ({
    onRequest: admitCall(edge, () => ({ model: undefined, version: undefined })),
    handler: async (request) => {
      const { claim, signal } = callOf(request)
      const { maxImageBytes } = edge.limits
      const image = await readImage(request, { maxImageBytes, claim, signal, parameters: [] })
      const [best] = bestLabels(await scoreImage(edge, request, image), 1)
      return { success: true, label: best?.label, confidence: best?.score }
    },
  }))
}

export const deepstackErrors: ErrorShape = {
  matches: (request) => pathOf(request).startsWith('/v1/vision/'),
  bodyOf: ({ status, detail }) => ({ success: false, error: detail, code: status }),
}
