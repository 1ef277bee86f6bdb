// What nginx does with `location /vision/ { proxy_pass http://service/; }`: the service stands below a
// path of the proxy's, and does not hear of it.
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface PrefixProxy {
  /** Where the service is found, e.g. http://127.0.0.1:40123/vision */
  readonly base: string
  close(): void
}

export async function openPrefixProxy(origin: string, prefix = '/vision'): Promise<PrefixProxy> {
  const server = createServer((incoming, outgoing) => {
    const { url = '', method, headers } = incoming
    if (!url.startsWith(`${prefix}/`)) {
      outgoing.writeHead(404).end('not of the service')
      return
    }
    const asked = request(`${origin}${url.slice(prefix.length)}`, { method, headers })
    asked.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    incoming.pipe(asked)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    base: `http://127.0.0.1:${port}${prefix}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
