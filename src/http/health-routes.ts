// Health: what probes ask. Liveness is this loop turning; readiness is a warm session for every
// model and nothing draining.
import type { FastifyInstance } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { Edge } from './edge.ts'
import { addOperation } from './operation.ts'

const notCached = { 'cache-control': 'no-store' }

export function addHealthRoutes(app: FastifyInstance, edge: Edge): void {
  addOperation(app, edge.contract, 'getLiveness').as(() => ({
    handler: (_request, reply) => reply.headers(notCached).send({ status: 'live' }),
  }))
  addOperation(app, edge.contract, 'getReadiness').as(() => ({
    handler: (_request, reply) => {
      assertReady(edge)
      return reply.headers(notCached).send({ status: 'ready' })
    },
  }))
}

function assertReady({ classifier, draining }: Edge): void {
  if (draining()) throw new ServiceError('draining', 'the service is shutting down')
  if (!classifier.ready()) {
    throw new ServiceError('not_ready', 'not every model has a warm session yet')
  }
}
