// Mistakes of clients, as tables: every one is a 4xx in the shape of its dialect.
import assert from 'node:assert/strict'
import { test } from 'node:test'

type Body = string | Uint8Array | object | undefined
type Headers = Readonly<Record<string, string>>
export interface Mistake {
  readonly what: string
  readonly path: string
  readonly method?: string
  readonly body?: () => Body
  readonly headers?: Headers
  /** 400 where left out. */
  readonly status?: number
}

interface Checks {
  readonly dialect: string
  /** Where the service listens, once it does. */
  readonly origin: () => string
  /** Whether a body is an error of the dialect. */
  readonly isShape: (body: Readonly<Record<string, unknown>>) => boolean
}

export async function send(
  origin: string,
  { path, method = 'POST', body, headers = {} }: Omit<Mistake, 'what'>,
): Promise<Response> {
  const given = body?.()
  const isRaw = typeof given === 'string' || given instanceof Uint8Array || given === undefined
  return await fetch(`${origin}${path}`, {
    method,
    headers: { ...(isRaw ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(given === undefined ? {} : { body: isRaw ? given : JSON.stringify(given) }),
  })
}

export function checkAll({ dialect, origin, isShape }: Checks, mistakes: readonly Mistake[]): void {
  assert.ok(mistakes.length >= 15, `${dialect} has only ${mistakes.length} mistakes`)
  for (const mistake of mistakes) {
    test(`${dialect}: ${mistake.what}`, async () => {
      const answer = await send(origin(), mistake)
      const text = await answer.text()
      assert.equal(answer.status, mistake.status ?? 400, text)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
      assert.ok(isShape(JSON.parse(text)), text)
    })
  }
}

/** The error of most dialects: {"error": text}. */
export function hasError({ error }: Readonly<Record<string, unknown>>): boolean {
  return typeof error === 'string' && error !== ''
}
