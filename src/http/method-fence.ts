// Every path answers every method that Node can read: OPTIONS with what it knows, others with 405
// and Allow.
import { METHODS } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { HttpError } from './failure.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set on the routes made here, for whoever lists the real ones. */
    isMethodFence?: boolean
  }
}

const fenceConfig = { isMethodFence: true }

/** Collects routes as they are registered; `close` then fences them. */
export function createMethodFence(app: FastifyInstance) {
  const methodsOf = new Map<string, Set<string>>()

  function collect({ url, method }: RouteOptions): void {
    const methods = methodsOf.get(url) ?? new Set()
    for (const name of [method].flat()) methods.add(name)
    methodsOf.set(url, methods)
  }

  for (const name of METHODS) if (!app.supportedMethods.includes(name)) app.addHttpMethod(name)
  app.addHook('onRoute', collect)
  return {
    /** Call when all routes are registered. */
    close(): void {
      for (const [url, methods] of [...methodsOf]) {
        if (!url.startsWith('/')) continue // CORS registers `*`, and means it
        const known = [...methods]
        fence(app, url, known.includes('OPTIONS') ? known : [...known, 'OPTIONS'])
      }
    },
  }
}

function fence(app: FastifyInstance, url: string, known: readonly string[]): void {
  const allow = [...known].sort().join(', ')
  // A path that a plugin registered with and without its last slash is fenced already.
  const others = app.supportedMethods.filter(
    (method) => !known.includes(method) && !app.hasRoute({ url, method }),
  )
  if (others.length === 0) return
  if (!app.hasRoute({ url, method: 'OPTIONS' })) {
    app.route({ method: 'OPTIONS', url, config: fenceConfig, handler: sendAllowed(allow) })
  }
  app.route({
    method: others,
    url,
    config: fenceConfig,
    // In onRequest, so that a body is not read first.
    onRequest: async (request, reply) => {
      reply.header('allow', allow)
      throw methodNotAllowed(request, allow)
    },
    handler: async () => undefined,
  })
}

function sendAllowed(allow: string) {
  return (_request: FastifyRequest, reply: FastifyReply) => {
    reply.code(204).header('allow', allow).send()
  }
}

function methodNotAllowed({ method }: FastifyRequest, allow: string): HttpError {
  return new HttpError('method_not_allowed', `the method is ${method}; allowed are: ${allow}`)
}
