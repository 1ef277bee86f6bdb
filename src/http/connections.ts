// Limits on sockets: how long a request may take to arrive, how many may be open, and what a
// client hears whose bytes are not HTTP.
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Metrics } from '../metrics/metrics.ts'
import type { HttpLimits } from './options.ts'
import { type ProblemCode, problemKinds, problemOf, problemType } from './problem.ts'
import { expectContinue } from './send-refusal.ts'

/** Headers are one packet or two; who needs longer than this is not sending them. */
const maxHeadersMs = 10_000
/** Longer than the idle timeouts of usual load balancers (60 s), so that they close first. */
const keepAliveMs = 72_000
const maxHeaderBytes = 16 * 1024
/**
 * Node reads 64 KiB at a time, and stops reading a body that nobody listens to yet when that much is
 * there: with room for one more, a usual photograph is never stopped, which costs system calls.
 */
const socketBufferBytes = 128 * 1024
/** A model's name has at most 100 characters. */
const maxPathParameterLength = 256
/** Who takes nothing of an answer for this long gets no more of it: it lies in memory meanwhile. */
const maxStallMs = 30_000
/** Our own timer (exchange.ts) answers first, with the words for it; Node's is for the rest. */
const slackMs = 500
/** With all connections taken, the idle ones are closed, at most this often. */
const makeRoomEveryMs = 1_000

/** Why a connection was dropped, in rejected_total. */
export const connectionLimit = 'connection_limit'

/**
 * Fastify's and Node's timeouts, which only work in combination: Node swaps a request timeout that
 * is below the headers timeout, and looks at its sockets only now and then.
 */
export function socketOptions({
  requestTimeoutMs,
  maxStallMs: stallMs = maxStallMs,
}: Pick<HttpLimits, 'requestTimeoutMs' | 'maxStallMs'>) {
  const requestTimeout = requestTimeoutMs + slackMs
  return {
    requestTimeout,
    // Of silence in both directions, as there is while an image waits for its answer.
    connectionTimeout: Math.max(requestTimeout + slackMs, stallMs),
    keepAliveTimeout: keepAliveMs,
    // TensorFlow Serving's paths are case-insensitive; names in them are not.
    routerOptions: { caseSensitive: false, maxParamLength: maxPathParameterLength },
    http: {
      requestTimeout,
      headersTimeout: Math.min(requestTimeout, maxHeadersMs),
      connectionsCheckingInterval: slackMs,
      maxHeaderSize: maxHeaderBytes,
      highWaterMark: socketBufferBytes,
      requireHostHeader: false, // host-and-expect.ts refuses in words
    },
  }
}

/** Puts limits on the listening server of `app`. */
export function guardConnections(app: FastifyInstance, limits: HttpLimits, metrics: Metrics): void {
  app.server.maxConnections = Math.min(limits.maxConnections, descriptorsToSpare())
  let lastRoomAt = Number.NEGATIVE_INFINITY
  app.server.on('drop', () => {
    metrics.http.rejected(connectionLimit)
    if (performance.now() - lastRoomAt < makeRoomEveryMs) return
    lastRoomAt = performance.now()
    app.server.closeIdleConnections() // those who hold a connection without using it make room
  })
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    current.set(socket, response)
    if (response.socket === null) closeWith(socket, response)
  })
  // Without a listener Node would ask for the body before anybody has admitted the request.
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    expectContinue(request)
    app.server.emit('request', request, response)
  })
  app.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit('request', request, response)
  })
}

/** Sessions' pipes, logs, files of models and of the web page: what must open when all clients are in. */
const reservedDescriptors = 128

/** Connections that this process may hold before it could not open anything else. */
function descriptorsToSpare(): number {
  const limits = existsSync(limitsFile) ? readFileSync(limitsFile, 'utf8') : ''
  const open = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
  if (open === undefined) return Number.POSITIVE_INFINITY
  return Math.max(Math.floor(Number(open) / 2), Number(open) - reservedDescriptors)
}

const limitsFile = '/proc/self/limits'

/** The latest answer of each socket, finished or not. */
const current = new WeakMap<Socket, ServerResponse>()

/** Answers that wait for others on their connection to be written first. */
const waiting = new WeakMap<Socket, Set<ServerResponse>>()

/**
 * A client may send its next request before the last one is answered. Of the end of a connection Node
 * before 24 tells only the answer that is being written: those behind it would never hear of it, and
 * what their requests hold would never be given back.
 */
function closeWith(socket: Socket, response: ServerResponse): void {
  const known = waiting.get(socket)
  const responses = known ?? new Set()
  responses.add(response)
  response.once('close', () => responses.delete(response))
  if (known !== undefined) return
  waiting.set(socket, responses)
  socket.once('close', () => setImmediate(closeAll, responses))
}

/** Those that have not been told by then. */
function closeAll(responses: ReadonlySet<ServerResponse>): void {
  for (const response of responses) {
    response.destroy()
    response.emit('close')
  }
}

interface ClientError extends Error {
  readonly code?: string
}

/** Node's `clientError`: the bytes were not HTTP, too many or too slow. */
export function createClientErrorHandler(metrics: Metrics) {
  return (error: ClientError, socket: Socket): void => {
    if (!socket.writable || error.code === 'ECONNRESET') {
      socket.destroy() // gone already
      return
    }
    if (socket.bytesRead === 0) {
      void closeUnused(socket)
      return
    }
    const { code, detail } = clientErrors[error.code ?? ''] ?? notHttp
    if (!isCutOff(error, socket)) metrics.http.rejected(code)
    if (isBetweenAnswers(socket)) socket.end(rawAnswer(code, detail), () => socket.destroy())
    else socket.destroy()
  }
}

/**
 * A connection that was opened ahead and never used. Or its request is there, and this process was
 * too busy (or frozen) to read it: closing would reset a client that did nothing wrong. Node looks at
 * the clock before it reads, so a second look tells; and as Node looks only once, so does a third.
 */
async function closeUnused(socket: Socket): Promise<void> {
  await sleep(slackMs, undefined, { ref: false })
  if (socket.bytesRead > 0) await sleep(maxHeadersMs, undefined, { ref: false })
  if (!current.has(socket)) socket.destroy()
}

/** Whether a client left in the middle of a request, which then counts it itself (exchange.ts). */
function isCutOff({ code }: ClientError, socket: Socket): boolean {
  return code === 'HPE_INVALID_EOF_STATE' && current.get(socket)?.writableFinished === false
}

/** Whether an answer written now would not land inside another one. */
function isBetweenAnswers(socket: Socket): boolean {
  const response = current.get(socket)
  if (response === undefined || !response.headersSent) return true
  return response.writableFinished && response.req.complete
}

interface RawFailure {
  readonly code: ProblemCode
  readonly detail: string
}

const notHttp: RawFailure = { code: 'bad_request', detail: 'the request is not well-formed HTTP' }

const clientErrors: Readonly<Record<string, RawFailure>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'upload_too_slow',
    detail: 'the request was not complete in time',
  },
  HPE_HEADER_OVERFLOW: {
    code: 'headers_too_large',
    detail: `the request headers have more than ${maxHeaderBytes} bytes`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    code: 'body_too_large',
    detail: 'the chunk extensions of the body are too long',
  },
}

const reasonPhrases: Partial<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  431: 'Request Header Fields Too Large',
}

function rawAnswer(code: ProblemCode, detail: string): string {
  const { status } = problemKinds[code]
  const requestId = randomUUID()
  const body = JSON.stringify(problemOf({ code, status, detail }, requestId))
  return [
    `HTTP/1.1 ${status} ${reasonPhrases[status] ?? ''}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'X-Content-Type-Options: nosniff',
    'Connection: close',
    '',
    body,
  ].join('\r\n')
}
