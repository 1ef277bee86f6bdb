// Mistakes of clients, as tables: every one is a 4xx in the shape of its dialect, and the service
// goes on serving.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { picture } from './pictures.ts'
import { type Service, startService } from './service.ts'

/** Small, so that what is too large is quickly sent. */
export const maxImageBytes = 200_000
const maxPixels = 250_000

type JsonBody = Readonly<Record<string, unknown>>
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

type Origin = () => string

interface Checks {
  readonly dialect: string
  readonly origin: Origin
  /** Whether a body is an error of the dialect. */
  readonly isShape: (body: JsonBody) => boolean
}

/** A service with small limits for the tests of one file, and a picture to send. */
export function serveForMistakes(): { readonly origin: Origin; readonly image: () => Buffer } {
  let service: Service
  let image: Buffer
  before(async () => {
    service = await startService({ limits: { maxImageBytes }, imaging: { maxPixels } })
    image = await picture(1)
  })
  after(() => service.close())
  return { origin: () => service.origin, image: () => image }
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

/** To be called after the mistakes: tests run in their order. */
export function checkStillAnswers(origin: Origin, right: Omit<Mistake, 'what' | 'status'>): void {
  test(`after all of these, ${right.path} still answers`, async () => {
    const answer = await send(origin(), right)
    assert.equal(answer.status, 200, await answer.text())
  })
}

/** What an error looks like, by dialect. */
export const errorShapes = {
  /** Open Inference, TensorFlow Serving and Hugging Face: {"error": text}. */
  error: ({ error }: JsonBody) => typeof error === 'string' && error !== '',
  torchserve: ({ code, type, message }: JsonBody) =>
    typeof code === 'number' && /Exception$/.test(String(type)) && typeof message === 'string',
  deepstack: ({ success, error }: JsonBody) => success === false && typeof error === 'string',
}
