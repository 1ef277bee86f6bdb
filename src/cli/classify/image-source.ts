// Who answers `classify`: a running server, or the same pool and models in this process.
import { pino } from 'pino'
import type { Config } from '../../config.ts'
import { ServiceError, UsageError } from '../../errors.ts'
import { authorizationOf } from '../authorization.ts'
import { noAnswerFrom } from '../no-answer.ts'
import { packageVersion } from '../package-version.ts'
import type { ModelResult } from './classify-report.ts'

export interface Question {
  /** Empty asks the default model. */
  readonly models: readonly string[]
  readonly topK: number
}

/** Why one image has no answer; the others go on. */
export class ImageFailure extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface ImageSource {
  /** @throws ImageFailure for this image, UsageError where no image could be answered */
  ask(image: Uint8Array, question: Question): Promise<readonly ModelResult[]>
  close(): Promise<void>
}

/** One image of a folder full of them may wait for all the others. */
const localTimeoutMs = 600_000

/** Sessions in child processes, batches, the engine that `serve` would choose. */
export async function openLocalModels(config: Config): Promise<ImageSource> {
  const { createApp } = await import('../../app.ts')
  const log = pino({ level: process.env.LOG_LEVEL ?? 'silent' }, pino.destination(2))
  const app = await createApp(config, { log, version: packageVersion() })
  await app.start()
  return {
    async ask(image, { models, topK }) {
      const names = models.length === 0 ? [undefined] : models
      try {
        return await app.classifier.classify({
          image,
          targets: names.map((model) => ({ model, version: undefined })),
          topK,
          deadline: performance.now() + localTimeoutMs,
          signal: AbortSignal.timeout(localTimeoutMs),
        })
      } catch (error) {
        throw error instanceof ServiceError ? failureOf(error.code, error.message) : error
      }
    },
    close: () => app.drain(0),
  }
}

/** A server that asks for patience this often in a row is given up. */
const maxAttempts = 20

/** A server at `base`, which may be on another machine. */
export function openServer(base: string, apiKey: string | undefined): ImageSource {
  const headers = authorizationOf(apiKey)
  return {
    async ask(image, question) {
      const address = addressOf(base, question)
      for (let attempt = 1; ; attempt += 1) {
        const response = await post(address, image, headers)
        const body = (await response.json().catch(() => ({}))) as ServerAnswer
        if (response.ok) return 'results' in body ? body.results : [body as ModelResult]
        const retryAfterS = Number(response.headers.get('retry-after') ?? 0)
        if (retryAfterS === 0 || attempt === maxAttempts) throw refusalOf(response.status, body)
        await new Promise((resolve) => setTimeout(resolve, retryAfterS * 1000))
      }
    },
    close: async () => {},
  }
}

function addressOf(base: string, { models, topK }: Question): URL {
  const address = new URL(`${base}/v1/classify`)
  address.searchParams.set('top_k', String(topK))
  if (models.length > 0) address.searchParams.set('model', models.join(','))
  return address
}

function refusalOf(status: number, body: object): Error {
  const { code = `http_${status}`, detail = `the server answered with status ${status}` } =
    body as Partial<ProblemAnswer>
  return failureOf(code, detail)
}

type ServerAnswer = ModelResult | { readonly results: readonly ModelResult[] } | ProblemAnswer

interface ProblemAnswer {
  readonly code: string
  readonly detail: string
}

async function post(
  address: URL,
  image: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  try {
    return await fetch(address, { method: 'POST', body: new Uint8Array(image), headers })
  } catch (error) {
    throw noAnswerFrom(address.origin, error)
  }
}

/** These would be the same for every image: the command line is wrong, not the image. */
const usageCodes = ['model_not_found', 'version_not_found', 'bad_parameter', 'unauthorized']

function failureOf(code: string, detail: string): Error {
  if (!usageCodes.includes(code)) return new ImageFailure(code, detail)
  const hint = code === 'unauthorized' ? ' (--api-key, or the variable API_KEY)' : ''
  return new UsageError(`${detail}${hint}`)
}
