// X-Request-Id: the client's own where it is short and safe to log, else a new one.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Long enough for a UUID with a prefix; no character that could break a log line or a header. */
const safeId = /^[A-Za-z0-9._:/+=-]{1,128}$/

export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && safeId.test(given) ? given : randomUUID()
}
