// What Node would refuse by itself, without a word, a log line or a number in the metrics: requests
// that name no host, or expect what there is not.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { HttpError } from './failure.ts'

/** An onRequest hook. @throws HttpError bad_request */
export function assertHostAndExpect(
  { raw: { httpVersion, headers, rawHeaders } }: FastifyRequest,
  _reply: FastifyReply,
  done: () => void,
): void {
  const hosts = countHosts(rawHeaders)
  if (hosts > 1) {
    throw new HttpError('bad_request', `the request has ${hosts} Host headers; send one`)
  }
  // HTTP/1.0 knows neither of them: https://www.rfc-editor.org/rfc/rfc9112#section-3.2
  if (httpVersion !== '1.0') {
    if (hosts === 0) {
      throw new HttpError('bad_request', 'the request has no Host header, which HTTP/1.1 requires')
    }
    if (headers.expect !== undefined) assertKnown(headers.expect)
  }
  done()
}

/** Names and values in turns. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1
  }
  return count
}

function assertKnown(expectation: string): void {
  if (/(^|\W)100-continue(\W|$)/i.test(expectation)) return
  const found = JSON.stringify(expectation.slice(0, 40))
  throw new HttpError('bad_request', `Expect is ${found}; the only expectation is 100-continue`)
}
