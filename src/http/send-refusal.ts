// Sends an error answer so that the client gets it, also while it is still uploading.
//
// A server that answers and closes while bytes are still coming makes the kernel send a reset, which
// can throw the answer away before the client has read it. So the whole answer is written at once,
// what still comes is discarded, and the connection ends when the client is done (or when Node's
// request timeout ends it). A short body is discarded without ending the connection: in an overload
// new connections would cost more than the refusals. A client that waits for 100-continue has sent
// nothing and gets the answer instead.
import { finished } from 'node:stream'
import type {
  FastifyReply,
  FastifyRequest,
  onResponseHookHandler,
  preParsingHookHandler,
} from 'fastify'

/**
 * A body that announces no more than this is cheaper to read than a new connection is to make. Longer
 * ones are better not sent: clients stop when they see that the connection will end.
 */
const maxDiscardBytes = 256 * 1024

/** Who uploads too slowly is not waited for, only given the time to read the answer. */
const lingerMs = 250

export interface Refusal {
  readonly status: number
  readonly contentType: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

export function sendRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, contentType, body, headers = {} }: Refusal,
): void {
  if (reply.raw.headersSent || reply.raw.destroyed) {
    reply.hijack()
    reply.raw.destroy() // half an answer, or nobody to read it
    return
  }
  reply.headers(headers).code(status).type(contentType)
  if (!isUploading(request)) {
    reply.send(body)
  } else if (awaitsContinue(request)) {
    reply.header('connection', 'close').send(body)
  } else if (status !== 408 && Number(request.headers['content-length']) <= maxDiscardBytes) {
    reply.send(body) // what is left is read before the next request
  } else {
    answerAndDiscard(request, reply, body)
    if (status === 408) setTimeout(() => reply.raw.end(), lingerMs).unref()
  }
}

function answerAndDiscard(request: FastifyRequest, reply: FastifyReply, body: string): void {
  const { raw } = reply.hijack()
  raw.writeHead(raw.statusCode, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  })
  raw.write(body)
  request.raw.unpipe().resume()
  finished(request.raw, { writable: false }, () => raw.end())
}

function isUploading({ raw: { complete, headers } }: FastifyRequest): boolean {
  if (complete) return false
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** Requests whose `Expect: 100-continue` has not been answered yet. */
const waiting = new WeakSet<FastifyRequest['raw']>()

export function expectContinue(raw: FastifyRequest['raw']): void {
  waiting.add(raw)
}

function awaitsContinue({ raw }: FastifyRequest): boolean {
  return waiting.has(raw)
}

/** A preParsing hook: the request was admitted, so its client may send the body. */
export const allowBody: preParsingHookHandler = ({ raw }, reply, payload, done) => {
  if (waiting.delete(raw)) reply.raw.writeContinue()
  done(null, payload)
}

/**
 * An onResponse hook. Node reads what is left of a body that nobody began to read. One whose reader gave
 * up is stopped where it was, and the next request on the connection would wait behind it.
 */
export const discardRest: onResponseHookHandler = ({ raw }, _reply, done) => {
  if (!raw.complete) raw.unpipe().resume()
  done()
}
