// Ends a server whose clients are still there, so that none of them loses a request by it.
//
// Node closes idle connections the moment a server closes, also those on which a request is on its
// way: its client would see a reset. And it stops looking for clients that are too slow, so that one
// of them could hold the process until its grace is over.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** A busy client sends its next request within this; the answer then says `Connection: close`. */
const lingerMs = 1_000
/** How often connections that have become idle are looked for. */
const sweepEveryMs = 250

const openSockets = new WeakMap<Server, Set<Socket>>()

/** To be called before the server listens. */
export function rememberConnections({ server }: FastifyInstance): void {
  const sockets = new Set<Socket>()
  openSockets.set(server, sockets)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
}

/** Browsers connect ahead of their requests. Node takes such a connection for busy, for a minute. */
export function closeSilent({ server }: FastifyInstance): void {
  for (const socket of openSockets.get(server) ?? []) if (socket.bytesRead === 0) socket.destroy()
}

/**
 * Accepts no more connections, answers what comes on those that are open, ends them.
 * @param patienceMs after which connections are closed whatever they are doing
 */
export async function closeGently(app: FastifyInstance, patienceMs: number): Promise<void> {
  const { server } = app
  const closeIdle = server.closeIdleConnections.bind(server)
  server.closeIdleConnections = () => {} // Node and Fastify call it while they close
  const closed = app.close()
  const closeUnused = () => {
    closeIdle()
    closeSilent(app)
  }
  let sweep: NodeJS.Timeout | undefined
  const linger = setTimeout(() => {
    closeUnused()
    sweep = setInterval(closeUnused, sweepEveryMs)
  }, lingerMs)
  const last = setTimeout(() => server.closeAllConnections(), patienceMs)
  await closed
  for (const timer of [linger, sweep, last]) clearTimeout(timer)
}
