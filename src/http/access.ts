// API keys: which requests need one, and whether the one they bring is right.
// Keys are kept as SHA-256 digests (and may be given as such) and compared in constant time; neither
// form is ever logged.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import { isFormType } from './read-image.ts'

export interface Access {
  /** Who asks: a digest of a valid key, or `undefined`. */
  identify(request: FastifyRequest): string | undefined
  /** @throws ServiceError unauthorized */
  authorize(request: FastifyRequest): void
  /**
   * For routes of dialects whose clients put the key into the form: whether the request must still
   * bring one there, before its image.
   */
  awaitsKey(request: FastifyRequest): boolean
  /** @throws ServiceError unauthorized */
  authorizeKey(key: string | undefined): void
}

export function createAccess(apiKeys: readonly string[]): Access {
  const digests = apiKeys.map(keptDigest)

  function identify(request: FastifyRequest): string | undefined {
    const key = bearerOf(request.headers.authorization)
    // Node reads headers as Latin-1: the bytes of a client that sends UTF-8 are those of `key`.
    return key === undefined ? undefined : (identityOf(key) ?? identityOf(bytesOf(key)))
  }

  function identityOf(key: string | Buffer): string | undefined {
    const found = digestOf(key)
    let isKnown = false
    // Every key is compared, so that time does not tell which one came close.
    for (const digest of digests) isKnown = timingSafeEqual(digest, found) || isKnown
    return isKnown ? found.toString('base64url') : undefined
  }

  function awaitsKey(request: FastifyRequest): boolean {
    const { headers, routeOptions } = request
    return (
      digests.length > 0 &&
      keyInFormRoutes.has(routeOptions.url ?? '') &&
      headers.authorization === undefined &&
      isFormType(headers['content-type'] ?? '')
    )
  }

  return {
    identify,
    awaitsKey,
    authorize(request) {
      if (digests.length === 0 || isOpen(request) || awaitsKey(request)) return
      if (identify(request) !== undefined) return
      const found = request.headers.authorization === undefined ? 'no key' : 'a key that is unknown'
      throw unauthorized(`the request brings ${found}; send "Authorization: Bearer <key>"`)
    },
    authorizeKey(key) {
      if (key !== undefined && identityOf(key) !== undefined) return
      const found = key === undefined ? 'no key' : 'a key that is unknown'
      throw unauthorized(
        `the form brings ${found}; send "Authorization: Bearer <key>", or a field api_key before the image`,
      )
    },
  }
}

function unauthorized(message: string): ServiceError {
  return new ServiceError('unauthorized', message)
}

/** DeepStack's clients put `api_key` into the form. */
const keyInFormRoutes = new Set(['/v1/vision/scene'])

/** `sha256:<hex>` is a digest already, so that a configuration need not hold the key itself. */
function keptDigest(key: string): Buffer {
  const hex = /^sha256:([0-9a-f]{64})$/i.exec(key)?.[1]
  return hex === undefined ? digestOf(key) : Buffer.from(hex, 'hex')
}

function digestOf(key: string | Buffer): Buffer {
  return createHash('sha256').update(key).digest()
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1')
}

/** Whatever follows the scheme: a key may hold spaces. */
function bearerOf(header: string | undefined): string | undefined {
  return header !== undefined && /^Bearer /i.test(header)
    ? header.slice('Bearer '.length).trim() || undefined
    : undefined
}

/**
 * Health is for probes, which have no keys; OPTIONS is for browsers, which send none with it; the
 * files of the web page and of /docs are what asks a person for a key. They tell nothing that the
 * repository does not.
 */
function isOpen(request: FastifyRequest): boolean {
  if (isHealth(request) || request.method === 'OPTIONS' || isPageFile(request)) return true
  // A browser cannot be given a key for an address that is typed into it.
  const { headers, routeOptions } = request
  return routeOptions.url === docs && /\btext\/html\b/.test(headers.accept ?? '')
}

const docs = '/docs'
const closedDocs = new Set([`${docs}/`, `${docs}/yaml`])

/** What a page of ours loads by itself; the contract as YAML is beside it, and loaded by none. */
export function isPageFile({ routeOptions: { url = '' } }: FastifyRequest): boolean {
  return url.startsWith('/page/') || (url.startsWith(`${docs}/`) && !closedDocs.has(url))
}

/** Ours, and those of the dialects whose probes look elsewhere. */
const healthRoutes = new Set([
  ...['/health/live', '/health/ready', '/v2/health/live', '/v2/health/ready', '/ping'],
])

export function isHealth({ routeOptions: { url } }: FastifyRequest): boolean {
  return healthRoutes.has(url ?? '')
}
