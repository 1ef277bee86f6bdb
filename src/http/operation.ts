// Registers an operation of openapi.yaml: the file says where it lives, the code what it does.
import type { FastifyInstance, RouteHandlerMethod, RouteOptions } from 'fastify'
import type { Contract, Operation } from './contract.ts'

export interface OperationRoute {
  readonly onRequest?: NonNullable<RouteOptions['onRequest']>
  readonly handler: RouteHandlerMethod
  /** In place of the server's own. */
  readonly errorHandler?: NonNullable<RouteOptions['errorHandler']>
}

/** @throws Error when openapi.yaml has no such operation */
export function addOperation(
  app: FastifyInstance,
  contract: Contract,
  id: string,
): { readonly as: (make: (operation: Operation) => OperationRoute) => void } {
  const operation = contract.operations.get(id)
  if (operation === undefined) throw new Error(`openapi.yaml has no operation ${id}`)
  const { method, url } = operation
  return { as: (make) => void app.route({ method, url, ...make(operation) }) }
}
