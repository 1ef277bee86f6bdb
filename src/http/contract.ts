// openapi.yaml as the source of the routes: where each operation lives and which parameters it takes.
import { readFileSync } from 'node:fs'
import { type ParameterObject, type ParameterRule, toParameterRule } from './parameter-rule.ts'

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const

/** One operation of the file, as the server registers it. */
export interface Operation {
  readonly id: string
  readonly method: string
  /** The path as Fastify writes it: `/v1/models/:model/labels`. */
  readonly url: string
  readonly query: readonly ParameterRule[]
  readonly headers: readonly ParameterRule[]
}

export interface Contract {
  /** The text of openapi.yaml. */
  readonly text: string
  readonly document: Readonly<Record<string, unknown>>
  readonly operations: ReadonlyMap<string, Operation>
}

interface Reference {
  readonly $ref: string
}

interface OperationObject {
  readonly operationId: string
  readonly parameters?: readonly (ParameterObject | Reference)[]
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: { readonly parameters: Readonly<Record<string, ParameterObject>> }
}

/** Three folders up from dist/src/http/, beside package.json. */
const contractFile = new URL('../../../openapi.yaml', import.meta.url)
/** The same as JSON; `npm run build` makes it. */
const parsedFile = new URL('openapi.json', import.meta.url)

/** Reads openapi.yaml. @throws Error when it uses a form of parameter that cannot be checked */
export function readContract(): Contract {
  const text = readFileSync(contractFile, 'utf8')
  const document: Document = JSON.parse(readFileSync(parsedFile, 'utf8'))
  const operations = new Map<string, Operation>()
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of methods) {
      const operation = item[method]
      if (operation === undefined) continue
      operations.set(operation.operationId, toOperation(document, { path, method, operation }))
    }
  }
  return { text, document: { ...document }, operations }
}

function toOperation(
  document: Document,
  where: { path: string; method: string; operation: OperationObject },
): Operation {
  const parameters = (where.operation.parameters ?? []).map((parameter) =>
    '$ref' in parameter ? dereference(document, parameter) : parameter,
  )
  const rules = (place: string) =>
    parameters.filter((parameter) => parameter.in === place).map(toParameterRule)
  return {
    id: where.operation.operationId,
    method: where.method.toUpperCase(),
    url: where.path.replace(/\{(\w+)\}/g, ':$1'),
    query: rules('query'),
    headers: rules('header'),
  }
}

function dereference(document: Document, { $ref }: Reference): ParameterObject {
  const found = document.components.parameters[$ref.replace('#/components/parameters/', '')]
  if (found === undefined) throw new Error(`openapi.yaml: ${$ref} is not there`)
  return found
}
