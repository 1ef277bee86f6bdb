// The cheapest load generator that Node allows: raw sockets, requests made once, answers counted by
// their Content-Length. A generator that takes more of two cores than the server shows itself.
import { connect, type Socket } from 'node:net'

export interface RawLoadOptions {
  readonly port: number
  readonly connections: number
  readonly durationMs: number
  readonly body: Uint8Array
}

export interface RawLoadFigure {
  readonly requestsPerSecond: number
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const headEnd = Buffer.from('\r\n\r\n')

/** Sends requests one after another on each connection until the time is over. */
export async function rawLoad(options: RawLoadOptions): Promise<RawLoadFigure> {
  const { port, connections, durationMs, body } = options
  const head = `POST /v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n`
  const request = Buffer.concat([Buffer.from(head), body])
  const latenciesMs: number[] = []
  const startedAt = performance.now()
  const endAt = startedAt + durationMs
  await Promise.all(
    Array.from({ length: connections }, () => exchange({ port, request, endAt, latenciesMs })),
  )
  const seconds = (performance.now() - startedAt) / 1000
  latenciesMs.sort((a, b) => a - b)
  return {
    requestsPerSecond: latenciesMs.length / seconds,
    requests: latenciesMs.length,
    p50Ms: latenciesMs[Math.floor(latenciesMs.length * 0.5)] ?? Number.NaN,
    p99Ms: latenciesMs[Math.floor(latenciesMs.length * 0.99)] ?? Number.NaN,
  }
}

interface Exchange {
  readonly port: number
  readonly request: Buffer
  readonly endAt: number
  readonly latenciesMs: number[]
}

function exchange({ port, request, endAt, latenciesMs }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      socket.write(request)
    }
    onAnswer(socket, (status) => {
      if (status !== '200') return reject(new Error(`the server answered ${status}`))
      const now = performance.now()
      latenciesMs.push(now - sentAt)
      if (now < endAt) send()
      else socket.end()
    })
    socket.on('connect', send).on('error', reject).on('close', resolve)
  })
}

/** Calls `answered` with the status of each answer that has arrived whole. */
function onAnswer(socket: Socket, answered: (status: string) => void): void {
  let held: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    const end = held.indexOf(headEnd)
    if (end < 0) return
    const head = held.toString('latin1', 0, end)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1])
    if (held.length < end + headEnd.length + length) return
    held = Buffer.alloc(0) // no pipelining: nothing follows an answer
    answered(head.slice(9, 12))
  })
}
