// A real HTTP server on this machine that gives out one file, with ranges, and misbehaves on request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface FileServer {
  readonly url: string
  /** Path and Range of each request so far. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[]
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** @param handlers one a request, the last one for all further ones */
export async function serveFile(t: TestContext, ...handlers: Handler[]): Promise<FileServer> {
  const requests: FileServer['requests'] = []
  const server = createServer((request, response) => {
    const handler = handlers[Math.min(requests.length, handlers.length - 1)]
    requests.push({ path: request.url ?? '', range: request.headers.range })
    handler?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** The file, from where the Range header says. */
export function whole(file: Uint8Array): Handler {
  return (request, response) => {
    const begin = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (begin >= file.byteLength) {
      response.writeHead(416, { 'content-range': `bytes */${file.byteLength}` }).end()
      return
    }
    response.writeHead(begin > 0 ? 206 : 200, {
      'content-length': file.byteLength - begin,
      ...(begin > 0 && {
        'content-range': `bytes ${begin}-${file.byteLength - 1}/${file.byteLength}`,
      }),
    })
    response.end(file.subarray(begin))
  }
}

/** Promises the whole file and breaks the connection after so many bytes of it. */
export function cutAfter(bytes: number, file: Uint8Array): Handler {
  return (_, response) => {
    response.writeHead(200, { 'content-length': file.byteLength })
    response.write(file.subarray(0, bytes), () => setTimeout(() => response.destroy(), 50))
  }
}

export function status(code: number): Handler {
  return (_, response) => response.writeHead(code).end('no')
}

/** Takes the request and never answers. */
export const silent: Handler = () => {}

/** A port of this machine that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
