// A package index on this machine, for tests of what downloads from one.
// https://packaging.python.org/en/latest/specifications/simple-repository-api/
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface PackageIndex {
  readonly url: string
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[]
}

interface IndexOptions {
  readonly filename: string
  readonly content: Uint8Array
  /** Answers the file's request in another way. */
  readonly answerFile?: (response: ServerResponse, content: Uint8Array) => void
  /** Answers the project's page in another way. */
  readonly answerPage?: (response: ServerResponse) => void
}

export async function startPackageIndex(
  t: TestContext,
  options: IndexOptions,
): Promise<PackageIndex> {
  const { filename, content, answerFile, answerPage } = options
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    if (path.endsWith('.whl')) {
      if (answerFile) return answerFile(response, content)
      return response.writeHead(200, { 'content-length': content.length }).end(content)
    }
    if (answerPage) return answerPage(response)
    const files = [{ filename, url: `../../files/${filename}`, hashes: {} }]
    response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' })
    return response.end(JSON.stringify({ files }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`, requests }
}
