// Fields of a client's JSON, checked one by one: each mistake is a 400 that names the field.
import { bytesOfBase64 } from '../base64.ts'
import { HttpError } from '../failure.ts'

export type Fields = Readonly<Record<string, unknown>>

export function badField(where: string, found: unknown, allowed: string): HttpError {
  return new HttpError('bad_request', `${where} is ${show(found)}; expected ${allowed}`)
}

/** Longest piece of a client's text that an error repeats. */
const maxEcho = 60

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  return JSON.stringify(typeof value === 'string' ? value.slice(0, maxEcho) : value)
}

export function objectOf(value: unknown, where: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw badField(where, value, 'an object')
}

export function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw badField(where, value, 'a list')
}

export function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value
  throw badField(where, value, 'a text')
}

export function wholeOf(value: unknown, where: string, [from, to]: readonly [number, number]) {
  if (Number.isInteger(value) && Number(value) >= from && Number(value) <= to) return Number(value)
  throw badField(where, value, `a whole number from ${from} to ${to}`)
}

export function flagOf(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value
  throw badField(where, value, 'true or false')
}

/** The bytes of a base64 text, in memory of their own. */
export function base64Of(value: unknown, where: string): Uint8Array {
  const text = textOf(value, where)
  // A data: URL is welcome too.
  const base64 = /^data:/i.test(text) ? text.slice(text.indexOf(',') + 1) : text
  const bytes = bytesOfBase64(base64)
  if (bytes === null) throw badField(where, value, 'base64')
  return bytes
}
