// One parameter of openapi.yaml as a check of a client's text: its schema turned into a parser, and
// into the words that say what is allowed. A keyword it cannot check stops the start.
import { HttpError } from './failure.ts'

/** A parameter object of OpenAPI 3.1, https://spec.openapis.org/oas/v3.1.1.html#parameter-object */
export interface ParameterObject {
  readonly name: string
  readonly in: string
  readonly schema: Readonly<Record<string, unknown>>
}

export type ParameterValue = string | number | boolean | readonly string[]

export interface ParameterRule {
  readonly name: string
  /** The value of a client's text. @throws HttpError bad_parameter */
  readonly parse: (text: string) => ParameterValue
}

interface Schema {
  readonly type: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: Schema
  readonly enum?: readonly string[]
}

const known = new Set([
  ...['type', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['items', 'enum', 'default', 'description', 'examples', 'example'],
])

/** Longest piece of a client's text that an error repeats. */
const maxEcho = 100

export function toParameterRule({ name, schema }: ParameterObject): ParameterRule {
  const typed = schema as unknown as Schema
  for (const keyword of [...Object.keys(schema), ...Object.keys(typed.items ?? {})]) {
    if (!known.has(keyword)) {
      throw new Error(`openapi.yaml: parameter ${name}: ${keyword} cannot be checked`)
    }
  }
  const parse = parsers[typed.type]
  if (parse === undefined) {
    throw new Error(`openapi.yaml: parameter ${name}: type ${typed.type} cannot be checked`)
  }
  const allowed = describe(typed)
  return {
    name,
    parse(text) {
      const value = parse(text, typed)
      if (value === undefined) throw badParameter(name, text, allowed)
      return value
    },
  }
}

export function badParameter(name: string, found: string, allowed: string): HttpError {
  const echo = JSON.stringify(found.slice(0, maxEcho))
  return new HttpError('bad_parameter', `${name} is ${echo}; allowed is ${allowed}`)
}

type Parser = (text: string, schema: Schema) => ParameterValue | undefined

/** `undefined` is a text that the schema does not allow. */
const parsers: Readonly<Record<string, Parser>> = {
  string: parseText,
  integer: parseInteger,
  number: parseNumber,
  boolean: (text) => booleans.get(text),
  array: parseList,
}

const booleans = new Map([
  ['true', true],
  ['false', false],
])

function parseText(text: string, schema: Schema): string | undefined {
  if (schema.enum !== undefined && !schema.enum.includes(text)) return undefined
  if (text.length < (schema.minLength ?? 0)) return undefined
  if (text.length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) return undefined
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(text)) return undefined
  return text
}

function parseInteger(text: string, schema: Schema): number | undefined {
  if (!/^-?\d{1,15}$/.test(text)) return undefined // more digits would not be exact
  const value = Number(text)
  if (value < (schema.minimum ?? value) || value > (schema.maximum ?? value)) return undefined
  return value
}

function parseNumber(text: string, { minimum, maximum }: Schema): number | undefined {
  if (!/^\d{1,15}(\.\d{1,20})?(e-?\d{1,2})?$/i.test(text)) return undefined
  const value = Number(text)
  return value < (minimum ?? value) || value > (maximum ?? value) ? undefined : value
}

function parseList(text: string, schema: Schema): readonly string[] | undefined {
  const items = text.split(',').map((item) => parseText(item.trim(), schema.items as Schema))
  if (items.length < (schema.minItems ?? 0)) return undefined
  if (items.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) return undefined
  return items.some((item) => item === undefined) ? undefined : (items as string[])
}

function describe(schema: Schema): string {
  if (schema.type === 'integer') return `an integer${range(schema.minimum, schema.maximum)}`
  if (schema.type === 'number') return `a number${range(schema.minimum, schema.maximum)}`
  if (schema.type === 'boolean') return 'true or false'
  if (schema.enum !== undefined) return schema.enum.join(' or ')
  if (schema.type === 'array') {
    const item = describe(schema.items as Schema)
    return `a list of names with commas between,${range(schema.minItems, schema.maxItems)} of them, each ${item}`
  }
  const length = range(schema.minLength, schema.maxLength)
  const characters = length === '' ? '' : ` of${length} characters`
  return `a text${characters}${schema.pattern === undefined ? '' : ` that matches ${schema.pattern}`}`
}

function range(from: number | undefined, to: number | undefined): string {
  if (from === undefined && to === undefined) return ''
  if (to === undefined) return ` from ${from}`
  return from === undefined ? ` up to ${to}` : ` from ${from} to ${to}`
}
