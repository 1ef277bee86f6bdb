// The dialects of other servers on the same port, queue and metrics: their routes, and the shape of
// their errors.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Edge } from '../edge.ts'
import { addDeepstack, deepstackErrors } from './deepstack.ts'
import type { ErrorShape } from './error-shape.ts'
import { addHuggingFace, huggingFaceErrors } from './hugging-face.ts'
import { addOpenInference, openInferenceErrors } from './open-inference.ts'
import { addTensorflowServing, tensorflowServingErrors } from './tensorflow-serving.ts'
import { addTorchserve, torchserveErrors } from './torchserve.ts'

export function addDialects(app: FastifyInstance, edge: Edge): void {
  addOpenInference(app, edge)
  addTensorflowServing(app, edge)
  addHuggingFace(app, edge)
  addTorchserve(app, edge)
  addDeepstack(app, edge)
}

const shapes: readonly ErrorShape[] = [
  openInferenceErrors,
  tensorflowServingErrors,
  huggingFaceErrors,
  torchserveErrors,
  deepstackErrors,
]

/** The shape in which a request is told its failure; `undefined` is the native API's. */
export function errorShapeOf(request: FastifyRequest): ErrorShape | undefined {
  return shapes.find((shape) => shape.matches(request))
}
