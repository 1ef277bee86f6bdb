// DeepStack and CodeProject.AI: POST a form with `image` to /v1/vision/scene, get the best class.
// https://docs.deepstack.cc/scene-recognition/
import type { FastifyInstance } from 'fastify'
import type { Edge } from '../edge.ts'
import { addOperation } from '../operation.ts'
import { type FormListener, readImage } from '../read-image.ts'
import { admitCall, callOf, scoreImage } from './call.ts'
import { type ErrorShape, pathOf } from './error-shape.ts'
import { bestLabels } from './ranking.ts'

export function addDeepstack(app: FastifyInstance, edge: Edge): void {
  addOperation(app, edge.contract, 'deepstackScene').as(() => ({
    onRequest: admitCall(edge, () => ({ model: undefined, version: undefined })),
    handler: async (request) => {
      const { claim, signal } = callOf(request)
      const { maxImageBytes } = edge.limits
      const image = await readImage(request, {
        ...{ tensors: edge.tensors, maxImageBytes, claim, signal, parameters: [] },
        ...(edge.access.awaitsKey(request) ? { form: keyListener(edge) } : {}),
      })
      const [best] = bestLabels(await scoreImage(edge, request, { bytes: image }), 1)
      return { success: true, label: best?.label, confidence: best?.score }
    },
  }))
}

/**
 * DeepStack's clients send the key as a field of the form. It must come before the image, as their
 * libraries have it: nothing of a stranger's upload is kept.
 */
function keyListener({ access }: Edge): FormListener {
  let key: string | undefined
  return {
    onText(field, value) {
      if (field === 'api_key') key = value
    },
    beforeFile: () => access.authorizeKey(key),
  }
}

export const deepstackErrors: ErrorShape = {
  matches: (request) => pathOf(request).startsWith('/v1/vision/'),
  bodyOf: ({ status, detail }) => ({ success: false, error: detail, code: status }),
}
