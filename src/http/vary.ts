// Vary (RFC 9110 §12.5.5): which headers of a request made the answer what it is.
import type { FastifyReply } from 'fastify'

/** Adds one; CORS may have said `Origin` before. */
export function addVary(reply: FastifyReply, field: string): void {
  const known = reply.getHeader('vary')
  reply.header('vary', known === undefined ? field : `${known}, ${field}`)
}
