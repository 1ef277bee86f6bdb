// What is served, by what, and which classes it knows.
import type { FastifyInstance } from 'fastify'
import type { ModelState } from '../classification/types.ts'
import type { Edge } from './edge.ts'
import { addOperation } from './operation.ts'
import { readParameters, textOf } from './parameters.ts'

export function addModelRoutes(app: FastifyInstance, edge: Edge): void {
  const { classifier, contract, version } = edge

  addOperation(app, contract, 'listModels').as((operation) => ({
    handler: (request, reply) => {
      readParameters(request, operation)
      const models = classifier.models().map(shownModel)
      return reply.send({
        models,
        problems: classifier.problems().map(({ model, version }) => ({ model, version })),
      })
    },
  }))

  addOperation(app, contract, 'listLabels').as((operation) => ({
    handler: (request, reply) => {
      const parameters = readParameters(request, operation)
      const { model } = request.params as { model: string }
      const labels = classifier.labels({ model, version: textOf(parameters, 'version') })
      return reply.send({ model, labels })
    },
  }))

  addOperation(app, contract, 'describeEngine').as((operation) => ({
    handler: (request, reply) => {
      readParameters(request, operation)
      return reply.send({ version, models: classifier.models().map(shownEngine) })
    },
  }))
}

/** A model version for clients; why one failed is for the operator and stands in the log. */
function shownModel({ message: _, ...state }: ModelState) {
  return state
}

function shownEngine({ model, version, state, engine, sessions, maxBatchSize }: ModelState) {
  return { model, version, state, engine: engine ?? null, sessions, maxBatchSize }
}
