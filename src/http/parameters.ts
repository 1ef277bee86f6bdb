// The query and the headers of a request, checked against its operation in openapi.yaml.
import type { FastifyRequest } from 'fastify'
import type { Operation } from './contract.ts'
import { HttpError } from './failure.ts'
import { badParameter, type ParameterValue } from './parameter-rule.ts'

export type Parameters = ReadonlyMap<string, ParameterValue>

/**
 * Query parameters and named headers of an operation, by name.
 * @throws HttpError bad_parameter, with the name, what was found and what is allowed
 */
export function readParameters(request: FastifyRequest, operation: Operation): Parameters {
  const values = new Map<string, ParameterValue>()
  const query = request.query as Record<string, string | string[]>
  for (const [name, found] of Object.entries(query)) {
    const rule = operation.query.find((parameter) => parameter.name === name)
    if (rule === undefined) throw unknownParameter(name, operation)
    if (Array.isArray(found)) throw badParameter(name, found.join('&'), 'one value, given once')
    values.set(name, rule.parse(found))
  }
  for (const rule of operation.headers) {
    const found = request.headers[rule.name.toLowerCase()]
    if (typeof found === 'string') values.set(rule.name, rule.parse(found))
  }
  return values
}

function unknownParameter(name: string, { query }: Operation): HttpError {
  const names = query.map((parameter) => parameter.name).join(', ') || 'none'
  const found = JSON.stringify(name.slice(0, 100))
  return new HttpError('bad_parameter', `there is no parameter ${found}; allowed are: ${names}`)
}

export function textOf(parameters: Parameters, name: string): string | undefined {
  return parameters.get(name) as string | undefined
}

export function numberOf(parameters: Parameters, name: string): number | undefined {
  return parameters.get(name) as number | undefined
}

export function isTrue(parameters: Parameters, name: string): boolean | undefined {
  return parameters.get(name) as boolean | undefined
}

export function listOf(parameters: Parameters, name: string): readonly string[] | undefined {
  return parameters.get(name) as readonly string[] | undefined
}
