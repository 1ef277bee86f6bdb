// Security headers: what browsers may do with our answers and our page.
import type { IncomingMessage, ServerResponse } from 'node:http'
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/**
 * The content security policy of everything but /docs. `blob:` shows thumbnails of chosen files;
 * the page has no inline script or style.
 */
const contentSecurityPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", 'data:', 'blob:'],
    mediaSrc: ["'self'", 'blob:'],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  // Without upgrade-insecure-requests (and HSTS, below): the service is often reached over plain
  // HTTP at an address of a local network, where both would break the page.
}

/** Swagger UI styles its elements inline. */
export const docsContentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export async function addSecurityHeaders(
  app: FastifyInstance,
  corsOrigins: readonly string[],
): Promise<void> {
  const headers = securityHeaders()
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(headers)
    done()
  })
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: corsOrigins.includes('*') ? '*' : [...corsOrigins],
    methods: ['GET', 'HEAD', 'POST', 'PUT'],
    allowedHeaders: [
      ...['Authorization', 'Content-Type', 'If-None-Match'],
      ...['X-Request-Id', 'X-Request-Timeout-Ms', 'Inference-Header-Content-Length'],
    ],
    exposedHeaders: [
      ...['ETag', 'Retry-After', 'Server-Timing', 'X-Batch-Size', 'X-Cache', 'X-Request-Id'],
      ...['X-Model', 'X-Class', 'Inference-Header-Content-Length'],
    ],
    strictPreflight: false,
  })
}

/**
 * What helmet would set on every answer, found once: it builds its policies anew for each request,
 * and they never differ.
 */
function securityHeaders(): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const apply = helmet({
    contentSecurityPolicy,
    strictTransportSecurity: false, // the TLS proxy in front knows whether it is wanted
  })
  const answer = {
    setHeader(name: string, value: string) {
      headers[name.toLowerCase()] = value
    },
    removeHeader(name: string) {
      delete headers[name.toLowerCase()]
    },
  }
  apply({} as IncomingMessage, answer as unknown as ServerResponse, () => {})
  return headers
}
