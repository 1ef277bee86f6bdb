// The edge, put together: one Fastify instance with everything a request passes, in that order.
import multipart from '@fastify/multipart'
import { type FastifyInstance, fastify, LogController } from 'fastify'
import { createAccess } from './access.ts'
import { createAnswerBudget } from './answer-budget.ts'
import { answerUnrouted, createFailureHandler, routeNotFound } from './answer-failure.ts'
import { addBatchRoute } from './batch-route.ts'
import { addClassifyRoutes } from './classify-route.ts'
import { rememberConnections } from './closing.ts'
import {
  connectionLimit,
  createClientErrorHandler,
  guardConnections,
  socketOptions,
} from './connections.ts'
import { readContract } from './contract.ts'
import { addDialects } from './dialects/dialects.ts'
import { createTensorThread } from './dialects/tensor-thread.ts'
import { addDocumentRoutes } from './document-routes.ts'
import type { Edge } from './edge.ts'
import { addHealthRoutes } from './health-routes.ts'
import { assertHostAndExpect } from './host-and-expect.ts'
import { createMethodFence } from './method-fence.ts'
import { addModelRoutes } from './model-routes.ts'
import { observeRequests } from './observe-requests.ts'
import type { HttpLimits, HttpOptions } from './options.ts'
import { problemKinds } from './problem.ts'
import { limitRates } from './rate-limit.ts'
import { createRefusalPace, type RefusalPace } from './refusal-pace.ts'
import { requestIdOf } from './request-id.ts'
import { addSecurityHeaders } from './security-headers.ts'
import { allowBody, discardRest } from './send-refusal.ts'
import { createUploadBudget } from './upload-budget.ts'

/** Uploads in progress may hold the largest image this often. */
const largestImagesAtOnce = 8
const minUploadBytes = 128 * 1024 * 1024
const usualAnswerBytes = 256 * 1024 * 1024

/** The HTTP server, ready to `listen`. */
export async function createServer(options: HttpOptions): Promise<FastifyInstance> {
  const { metrics, limits } = options
  const contract = readContract()
  const uploads = createUploadBudget(uploadBytes(limits))
  const answers = createAnswerBudget(limits.maxAnswerBytes ?? usualAnswerBytes)
  const access = createAccess(options.apiKeys)
  const tensors = createTensorThread()
  const edge: Edge = { ...options, contract, uploads, answers, access, tensors }
  const refusalPace = createRefusalPace(limits)
  const answerFailure = createFailureHandler(metrics, refusalPace)
  const app = fastify({
    ...socketOptions(limits),
    loggerInstance: options.logger.child({}), // with a level of its own; see listenQuietly
    // observe-requests.ts writes one line a request instead of Fastify's two
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    return503OnClosing: false, // what still comes on open connections is served, then they close
    clientErrorHandler: createClientErrorHandler(metrics),
    frameworkErrors: answerUnrouted(metrics, answerFailure),
  })
  metrics.http.expect([...Object.keys(problemKinds), connectionLimit])
  guardConnections(app, limits, metrics)
  rememberConnections(app)
  app.addHook('onClose', () => tensors.close())
  const fence = createMethodFence(app)
  app.setErrorHandler(answerFailure)
  app.setNotFoundHandler(routeNotFound)
  await addHooks(app, edge, refusalPace)
  await addBodyParsers(app)
  addHealthRoutes(app, edge)
  addModelRoutes(app, edge)
  addClassifyRoutes(app, edge)
  addBatchRoute(app, edge)
  addDialects(app, edge)
  await addDocumentRoutes(app, edge)
  fence.close()
  return app
}

/** Listens without Fastify's own line: the log has one `listening`, which knows what is served. */
export async function listenQuietly(
  app: FastifyInstance,
  where: { readonly host: string; readonly port: number; readonly backlog: number },
): Promise<string> {
  const { level } = app.log
  app.log.level = 'warn'
  try {
    return await app.listen(where)
  } finally {
    app.log.level = level
  }
}

function uploadBytes({ maxUploadBytes, maxImageBytes }: HttpLimits): number {
  return maxUploadBytes ?? Math.max(minUploadBytes, largestImagesAtOnce * maxImageBytes)
}

/** What every request passes before its route's own admission. */
async function addHooks(
  app: FastifyInstance,
  { metrics, draining, ...edge }: Edge,
  refusalPace: RefusalPace,
): Promise<void> {
  const { access } = edge
  // None of these waits: a hook that is async costs every request a promise and a turn of the queue.
  app.addHook('onRequest', observeRequests(metrics, edge.tracer))
  app.addHook('onRequest', (request, reply, done) => {
    refusalPace.arrived()
    reply.header('x-request-id', request.id)
    if (draining()) reply.header('connection', 'close')
    done()
  })
  await addSecurityHeaders(app, edge.corsOrigins)
  await limitRates(app, access, edge.rateLimitPerMinute)
  app.addHook('onRequest', assertHostAndExpect)
  app.addHook('onRequest', (request, _reply, done) => {
    access.authorize(request)
    done()
  })
  app.addHook('preParsing', allowBody)
  app.addHook('onResponse', discardRest)
}

/**
 * Bodies are read by the routes (read-image.ts), whatever their Content-Type: many clients send
 * none, or a wrong one.
 */
async function addBodyParsers(app: FastifyInstance): Promise<void> {
  app.removeAllContentTypeParsers()
  await app.register(multipart)
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHook('preParsing', ({ raw: { headers } }, _reply, payload, done) => {
    // Fastify refuses what is not a media type before any parser sees it.
    if (!isMediaType(headers['content-type'])) headers['content-type'] = 'application/octet-stream'
    done(null, payload)
  })
}

function isMediaType(contentType: string | undefined): boolean {
  return contentType === undefined || /^[\w.+-]+\/[\w.+-]+\s*(;|$)/.test(contentType)
}
