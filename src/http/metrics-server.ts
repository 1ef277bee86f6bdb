// /metrics on a port of its own, for operators who keep scrapers and clients apart.
import { type FastifyInstance, fastify } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'

/** Listens where `listen` says; knows nothing but /metrics. */
export function createMetricsServer(metrics: Metrics): FastifyInstance {
  const app = fastify()
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType)
    return await metrics.render()
  })
  return app
}
