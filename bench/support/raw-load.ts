// The cheapest load generator that Node allows: raw sockets, requests made once, answers counted by
// their Content-Length. A generator that takes more of two cores than the server shows itself.
import { connect, type Socket } from 'node:net'
import { percentile } from './statistics.ts'

export interface RawLoadOptions {
  readonly origin: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sent in turn. */
  readonly bodies: readonly Uint8Array[]
  readonly connections: number
  /** Goes before and is not counted. */
  readonly settleMs?: number
  readonly durationMs: number
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
  const { origin, bodies, connections, settleMs = 0, durationMs } = options
  const requests = bodies.map((body) => Buffer.concat([headOf(options, body), body]))
  const countFrom = performance.now() + settleMs
  const endAt = countFrom + durationMs
  const latenciesMs: number[] = []
  const load = { port: Number(new URL(origin).port), requests, countFrom, endAt, latenciesMs }
  await Promise.all(Array.from({ length: connections }, () => exchange(load)))
  const seconds = (performance.now() - countFrom) / 1000
  return {
    requestsPerSecond: latenciesMs.length / seconds,
    requests: latenciesMs.length,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  }
}

function headOf({ path, headers = {} }: RawLoadOptions, body: Uint8Array): Buffer {
  const fields = { host: '127.0.0.1', ...headers, 'content-length': body.length }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
}

interface Load {
  readonly port: number
  readonly requests: readonly Buffer[]
  readonly countFrom: number
  readonly endAt: number
  readonly latenciesMs: number[]
}

function exchange({ port, requests, countFrom, endAt, latenciesMs }: Load): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let sent = 0
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      socket.write(requests[sent++ % requests.length] as Buffer)
    }
    onAnswer(socket, (status) => {
      if (status !== '200') return reject(new Error(`the server answered ${status}`))
      const now = performance.now()
      if (now >= countFrom) latenciesMs.push(now - sentAt)
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
