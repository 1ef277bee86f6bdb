// Clients that no library can be talked into being: bytes on a socket, sent as slowly as wanted.
import { connect, type Socket } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** All that the server sent until it closed the connection. */
  readonly closed: Promise<string>
  /** What it sent so far. */
  text(): string
  /** Resolves when the server has sent something that matches. */
  until(pattern: RegExp): Promise<void>
}

export async function openSocket(origin: string): Promise<RawClient> {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  let received = ''
  const listeners = new Set<() => void>()
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    received += chunk
    for (const listener of listeners) listener()
  })
  socket.on('error', () => {}) // a reset ends the connection, which `closed` reports
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(received)))
  await new Promise((resolve) => socket.once('connect', resolve))
  return {
    socket,
    closed,
    send: (bytes) => void socket.write(bytes),
    text: () => received,
    until: (pattern) =>
      new Promise((resolve) => {
        const check = () => {
          if (!pattern.test(received)) return
          listeners.delete(check)
          resolve()
        }
        listeners.add(check)
        check()
      }),
  }
}

/** The status of the last answer in what a server sent. */
export function statusOf(text: string): number {
  return Number([...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].at(-1)?.[1])
}

/** The `code` of the problem in it. */
export function codeOf(text: string): string | undefined {
  return /"code":"(\w+)"/.exec(text)?.[1]
}
