// /metrics on a port of its own (METRICS_PORT), for networks where the API's port is public.
// No key is asked for there: who may reach the port may read it.
import { type FastifyInstance, fastify } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import { createFailureHandler, routeNotFound } from './answer-failure.ts'
import { socketOptions } from './connections.ts'
import { requestIdOf } from './request-id.ts'
import { createScrape } from './scrape.ts'

/** Prometheus' own scrape timeout is 10 s. */
const requestTimeoutMs = 10_000
/** A few scrapers, and not the descriptors that clients and sessions need. */
const maxConnections = 64

export function createMetricsServer(metrics: Metrics): FastifyInstance {
  const app = fastify({
    ...socketOptions({ requestTimeoutMs }),
    logger: false,
    genReqId: requestIdOf,
    // A scraper's connection that is open and unused must not hold up the end of the process.
    forceCloseConnections: true,
  })
  app.server.maxConnections = maxConnections
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  app.setErrorHandler(createFailureHandler(metrics))
  app.setNotFoundHandler(routeNotFound)
  const scrape = createScrape(() => metrics.render())
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await scrape()),
  )
  return app
}
