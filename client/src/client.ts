// A typed client of resnet-serving: the two or three calls that people make, and beneath them every
// operation of openapi.yaml. It runs where fetch does: Node and browsers.
import createFetchClient, { type Client } from 'openapi-fetch'
import type { components, paths } from './generated/api.ts'

export type Classification = components['schemas']['Classification']
export type Problem = components['schemas']['Problem']
export type Label = components['schemas']['LabelList']['labels'][number]
export type Model = components['schemas']['ModelList']['models'][number]

export interface ClientOptions {
  /** Where the service listens, e.g. `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  /** One of the service's API_KEYS, where it has any; in any script. */
  readonly apiKey?: string
  /** Another fetch than the global one. */
  readonly fetch?: (request: Request) => Promise<Response>
}

export interface ClassifyOptions {
  readonly model?: string
  /** A version number or a label of the manifest. */
  readonly version?: string
  readonly topK?: number
  /** Milliseconds within which the answer is worth having. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Encoded bytes in whatever form the caller has them. */
export type ImageSource = Blob | ArrayBuffer | Uint8Array

/** A refusal of the service: its status, its stable `code`, and when to try again. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal'
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  /** Whole seconds, where the service asks to wait. */
  readonly retryAfterS: number | undefined

  constructor(response: Response, problem: Partial<Problem> | undefined) {
    super(problem?.detail ?? `the service answered ${response.status}`)
    this.status = response.status
    this.code = problem?.code ?? 'unknown'
    this.requestId = problem?.requestId
    const seconds = response.headers.get('retry-after')
    this.retryAfterS = seconds === null ? undefined : Number(seconds)
  }
}

export interface ClassifierClient {
  /** @throws ServiceRefusal */
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Classification>
  /** @throws ServiceRefusal */
  models(): Promise<readonly Model[]>
  /** @throws ServiceRefusal */
  labels(model: string): Promise<readonly Label[]>
  /** Every operation of openapi.yaml, typed. */
  readonly api: Client<paths>
}

export function createClient({ baseUrl, apiKey, fetch }: ClientOptions): ClassifierClient {
  const api = createFetchClient<paths>({
    baseUrl,
    ...(fetch === undefined ? {} : { fetch }),
    headers: apiKey === undefined ? {} : { authorization: `Bearer ${bytesOf(apiKey)}` },
  })
  return {
    api,
    async classify(image, { model, version, topK, timeoutMs, signal } = {}) {
      const { data, error, response } = await api.POST('/v1/classify', {
        params: {
          query: {
            ...(model === undefined ? {} : { model: [model] }),
            ...(version === undefined ? {} : { version }),
            ...(topK === undefined ? {} : { top_k: topK }),
          },
          ...(timeoutMs === undefined ? {} : { header: { 'X-Request-Timeout-Ms': timeoutMs } }),
        },
        body: image as never, // the bytes themselves, which the contract calls a binary string
        bodySerializer: (body) => body,
        headers: { 'content-type': 'application/octet-stream' },
        ...(signal === undefined ? {} : { signal }),
      })
      return unwrap(data as Classification | undefined, error, response)
    },
    async models() {
      const { data, error, response } = await api.GET('/v1/models')
      return unwrap(data, error, response).models
    },
    async labels(model) {
      const { data, error, response } = await api.GET('/v1/models/{model}/labels', {
        params: { path: { model } },
      })
      return unwrap(data, error, response).labels
    },
  }
}

/** Headers travel as Latin-1, and a key may be in any script: its UTF-8 bytes, a letter each. */
function bytesOf(apiKey: string): string {
  return String.fromCharCode(...new TextEncoder().encode(apiKey))
}

function unwrap<Data>(data: Data | undefined, error: unknown, response: Response): Data {
  if (data !== undefined) return data
  throw new ServiceRefusal(response, (error ?? undefined) as Partial<Problem> | undefined)
}
