// The contract, its interactive page, the metrics and the web page.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import files from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import {
  createFailureHandler,
  type FailureHandler,
  failureHeaders,
  noteFailure,
} from './answer-failure.ts'
import type { Edge } from './edge.ts'
import { failureOf } from './failure.ts'
import { addOperation } from './operation.ts'
import { createScrape } from './scrape.ts'
import { docsContentSecurityPolicy } from './security-headers.ts'

/** Folder of the web page; `npm run build` copies it beside the compiled code. */
const pageFolder = fileURLToPath(new URL('page/', import.meta.url))

/** Of the description at /docs/json, from which it is relative: a proxy may add a path before all of it. */
const servers = [{ url: '..', description: 'this server' }]

/**
 * A browser has no key yet when it asks for the page: it gets the page all the same, with status
 * 401, and the page asks for the key. It tells nothing that the repository does not.
 */
function createPageFailureHandler(metrics: Metrics): FailureHandler {
  const answerFailure = createFailureHandler(metrics)
  const page = readFileSync(`${pageFolder}index.html`)
  return (error, request, reply) => {
    const failure = failureOf(error)
    const isForPeople = /\btext\/html\b/.test(request.headers.accept ?? '')
    if (failure.code !== 'unauthorized' || !isForPeople) return answerFailure(error, request, reply)
    noteFailure(error, request, metrics)
    reply.code(failure.status).headers(failureHeaders(failure)).type('text/html; charset=utf-8')
    reply.send(page)
  }
}

/**
 * Whole files are sent, or a 304 to who has one: parts of so small files are of no use, and what is
 * read here is never written by clients, so that If-Match has nothing to protect. The library
 * would refuse such wishes with errors of its own.
 */
function askForWhole(
  { raw: { headers } }: FastifyRequest,
  _reply: unknown,
  done: () => void,
): void {
  for (const name of ['range', 'if-range', 'if-match', 'if-unmodified-since']) delete headers[name]
  done()
}

export async function addDocumentRoutes(app: FastifyInstance, edge: Edge): Promise<void> {
  const { contract, metrics, serveMetrics } = edge

  addOperation(app, contract, 'getContract').as(() => ({
    handler: (_request, reply) => reply.type('application/yaml; charset=utf-8').send(contract.text),
  }))

  if (serveMetrics) {
    const scrape = createScrape(() => metrics.render())
    addOperation(app, contract, 'getMetrics').as(() => ({
      handler: async (_request, reply) => reply.type(metrics.contentType).send(await scrape()),
    }))
  }

  await app.register(addPages, { edge })
}

/** Documents for people, sent from files; in a scope of their own. */
const addPages: FastifyPluginAsync<{ readonly edge: Edge }> = async (app, { edge }) => {
  const { contract, metrics } = edge
  app.addHook('onRequest', askForWhole)
  await app.register(swagger, {
    mode: 'static',
    specification: { document: { ...contract.document, servers } as never },
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: '.', // so that its files are found below a proxy's path
    staticCSP: docsContentSecurityPolicy,
    uiConfig: { tryItOutEnabled: true, displayRequestDuration: true },
  })

  await app.register(files, {
    root: pageFolder,
    prefix: '/page/',
    wildcard: false, // a route a file: nothing but these can be asked for
    index: false,
    acceptRanges: false,
  })
  addOperation(app, contract, 'getPage').as(() => ({
    handler: (_request, reply) => reply.sendFile('index.html'),
    errorHandler: createPageFailureHandler(metrics),
  }))
}
