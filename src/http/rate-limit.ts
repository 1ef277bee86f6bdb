// Requests a minute of each key, or of each address where no key is known.
import type { FastifyInstance } from 'fastify'
import { ServiceError } from '../errors.ts'
import { type Access, isHealth, isPageFile } from './access.ts'

const windowMs = 60_000
/** Clients remembered at once; the least recent is forgotten first. */
const maxClients = 50_000

/**
 * Limits every request but health probes and the files of the web page; call it before authorization, so that guesses of keys
 * count, and 404s too.
 */
export async function limitRates(
  app: FastifyInstance,
  access: Access,
  perMinute: number,
): Promise<void> {
  if (perMinute === 0) return
  const { default: rateLimit, normalizeIP } = await import('@fastify/rate-limit')
  await app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: windowMs,
    cache: maxClients,
    // Prefixed, so that nobody's key can be taken for an address. One IPv6 customer has a whole /64,
    // which counts as one address.
    keyGenerator: (request) => {
      const key = access.identify(request)
      return key === undefined ? `address ${normalizeIP(request.ip)}` : `key ${key}`
    },
    // One look at the web page is some twenty files: a person would have spent the minute by then.
    allowList: (request) => isHealth(request) || isPageFile(request),
    errorResponseBuilder: (_request, { ttl, max }) =>
      new ServiceError('rate_limited', `more than ${max} requests in a minute; slow down`, {
        retryAfterS: Math.max(1, Math.ceil(ttl / 1000)),
      }),
  })
  app.addHook('onRequest', app.rateLimit())
}
