// What is served, by what, and which classes it knows.
import type { FastifyInstance } from 'fastify'
import type { LabelRow, ModelState } from '../classification/types.ts'
import { sendParts } from './coded-body.ts'
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
      reply.type('application/json; charset=utf-8')
      const before = Buffer.from(`{"model":${JSON.stringify(model)},"labels":`)
      return sendParts(reply, [before, jsonOf(labels), Buffer.from('}')])
    },
  }))

  addOperation(app, contract, 'describeEngine').as((operation) => ({
    handler: (request, reply) => {
      readParameters(request, operation)
      return reply.send({ version, models: classifier.models().map(shownEngine) })
    },
  }))
}

const written = new WeakMap<readonly LabelRow[], Buffer>()

/** Written once: of many thousand classes it takes long enough for others to notice when many ask. */
function jsonOf(labels: readonly LabelRow[]): Buffer {
  const known = written.get(labels) ?? Buffer.from(JSON.stringify(labels))
  written.set(labels, known)
  return known
}

/** A model version for clients; why one failed is for the operator and stands in the log. */
function shownModel({ message: _, ...state }: ModelState) {
  return state
}

function shownEngine({ model, version, state, engine, sessions, maxBatchSize }: ModelState) {
  return { model, version, state, engine: engine ?? null, sessions, maxBatchSize }
}
