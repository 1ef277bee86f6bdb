// Holds an answer against openapi.yaml: its status, media type, headers and body must stand there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Response } from 'supertest'
import { parse } from 'yaml'

interface ResponseObject {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean } | Reference>>
  readonly content?: Readonly<Record<string, unknown>>
}

interface Reference {
  readonly $ref: string
}

interface OperationObject {
  readonly operationId: string
  readonly responses: Readonly<Record<string, ResponseObject | Reference>>
}

type PathItem = Readonly<Record<string, OperationObject>>

/** The file, as the server reads it. */
export const contract = parse(
  readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8'),
) as { readonly paths: Readonly<Record<string, PathItem>> }

// Formats of OpenAPI (binary, base64-image) describe encodings, not texts to be checked.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true })
ajv.addSchema(contract, 'openapi')
const validators = new Map<string, ValidateFunction>()

/** Fails where the answer to a request of supertest is not one that openapi.yaml announces. */
export function assertContract(response: Response): void {
  const { method, path } = requestOf(response)
  const found = findOperation(method, path)
  if (found === undefined) {
    assertSchema('#/components/schemas/Problem', response.body) // no such operation: an error
    return
  }
  const { operation, pointer } = found
  const listed = operation.responses[response.status]
  const what = `${method} ${path} answered ${response.status}`
  assert.ok(listed, `${what}, which ${operation.operationId} does not list`)
  const [object, at] = dereference(listed, `${pointer}/responses/${response.status}`)
  assertHeaders(object, response, what)
  const mediaType = (response.headers['content-type'] ?? '').split(';')[0]?.trim()
  if (object.content === undefined) {
    assert.equal(response.text, '', `${what} with a body`)
    return
  }
  assert.ok(mediaType !== undefined && mediaType in object.content, `${what} as ${mediaType}`)
  if (/json$/.test(mediaType) && mediaType !== 'application/x-ndjson') {
    assertSchema(`${at}/content/${pointerKey(mediaType)}/schema`, response.body)
  }
}

/** @param pointer of the schema inside openapi.yaml, starting with # */
export function assertSchema(pointer: string, value: unknown): void {
  let validate = validators.get(pointer)
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `openapi${pointer}` })
    validators.set(pointer, validate)
  }
  assert.ok(validate(value), `${pointer}: ${ajv.errorsText(validate.errors)}`)
}

function assertHeaders({ headers = {} }: ResponseObject, response: Response, what: string): void {
  for (const [name, header] of Object.entries(headers)) {
    const [{ required = false }] = dereference(header, '')
    if (required) assert.ok(response.headers[name.toLowerCase()], `${what} without ${name}`)
  }
}

function requestOf(response: Response): { method: string; path: string } {
  const { req } = (response as unknown as { res: { req: { method: string; path: string } } }).res
  return { method: req.method.toLowerCase(), path: req.path.split('?', 1)[0] ?? '' }
}

function findOperation(method: string, path: string) {
  for (const [template, item] of Object.entries(contract.paths)) {
    const operation = item[method]
    if (operation === undefined || !matches(template, path)) continue
    return { operation, pointer: `#/paths/${pointerKey(template)}/${method}` }
  }
  return undefined
}

function matches(template: string, path: string): boolean {
  const pattern = template.replace(/[.+*?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(path)
}

function dereference<Value extends object>(
  value: Value | Reference,
  pointer: string,
): [Value, string] {
  if (!('$ref' in value)) return [value, pointer]
  const keys = value.$ref.slice(2).split('/')
  const found = keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], contract)
  return [found as Value, value.$ref]
}

/** A key inside a JSON pointer that is a URI fragment. */
function pointerKey(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))
}
