// How a dialect tells its clients what went wrong: the same failures and statuses as everywhere, in
// the body that its clients read.
import type { FastifyRequest } from 'fastify'
import type { Failure } from '../problem.ts'

export interface ErrorShape {
  /** Whether a request speaks this dialect, whether or not there is a route for it. */
  matches(request: FastifyRequest): boolean
  bodyOf(failure: Failure, request: FastifyRequest): object
}

/** The path of a request, without its query, in lower case. */
export function pathOf({ url }: FastifyRequest): string {
  return (url.split('?', 1)[0] ?? '').toLowerCase()
}

/** A name in the path, as the route's pattern calls it. */
export function pathText(request: FastifyRequest, name: string): string | undefined {
  return (request.params as Record<string, string | undefined> | undefined)?.[name]
}
