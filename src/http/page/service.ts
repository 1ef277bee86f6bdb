// What the page asks of the service, and the shapes of its answers (openapi.yaml).
import { currentKey } from './api-key.ts'

export interface Prediction {
  readonly index: number
  readonly wnid?: string
  readonly label: string
  readonly probability: number
}

export interface ModelAnswer {
  readonly model: string
  readonly version: string
  readonly weights: 'pretrained' | 'random' | 'custom'
  readonly predictions: readonly Prediction[]
  readonly explanation?: unknown
}

export interface ModelInfo {
  readonly model: string
  readonly version: string
  readonly state: 'loading' | 'ready' | 'failed' | 'unloading'
  readonly served: boolean
  readonly default: boolean
  readonly weights: { readonly kind: string }
  readonly engine?: { readonly name: string; readonly device: string; readonly precision: string }
  readonly sessions: { readonly starting: number; readonly idle: number; readonly busy: number }
  readonly queueDepth: number
}

/** Why there is no answer: the service's own problem+json, or that none came. */
export interface Problem {
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly requestId?: string
  /** Seconds after which it is worth trying again; absent where it is not. */
  readonly retryAfterS?: number
}

export class ServiceProblem extends Error {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

export interface Reply {
  readonly text: string
  /** Requests a minute that the server allows, where it limits them. */
  readonly ratePerMinute: number | null
}

/** Reads one of the service's small answers, at a path relative to the page. @throws ServiceProblem */
export async function read(path: string): Promise<Reply> {
  let response: Response
  try {
    response = await fetch(path, { headers: authorization(), signal: AbortSignal.timeout(10_000) })
  } catch {
    throw new ServiceProblem(unreachable())
  }
  const text = await response.text()
  if (!response.ok) {
    throw new ServiceProblem(problemOf(response.status, text, response.headers.get('retry-after')))
  }
  const limit = Number(response.headers.get('x-ratelimit-limit') ?? Number.NaN)
  return { text, ratePerMinute: Number.isFinite(limit) ? limit : null }
}

export async function readModels(): Promise<readonly ModelInfo[]> {
  const { text } = await read('v1/models')
  return (JSON.parse(text) as { models: readonly ModelInfo[] }).models
}

/** Whether this server can say where a model looked: its contract has the parameter. */
export async function offersExplanations(): Promise<boolean> {
  const { text } = await read('openapi.yaml')
  return /name:\s*explain\b/.test(text)
}

/** The person's key as its UTF-8 bytes: headers travel as Latin-1, and a key may be in any script. */
export function authorization(): Record<string, string> {
  const key = currentKey()
  if (key === null) return {}
  return { authorization: `Bearer ${String.fromCharCode(...new TextEncoder().encode(key))}` }
}

export function unreachable(): Problem {
  return {
    code: 'unreachable',
    title: 'No answer',
    detail: `${location.host} did not answer`,
  }
}

/** An error answer as a problem, also where a proxy wrote it and it is no problem+json. */
export function problemOf(status: number, body: string, retryAfter: string | null): Problem {
  const seconds = Number(retryAfter ?? Number.NaN)
  const retry = Number.isFinite(seconds) ? { retryAfterS: Math.max(1, seconds) } : {}
  try {
    const { code, title, detail, requestId } = JSON.parse(body) as Problem
    if (typeof code === 'string' && typeof detail === 'string') {
      return { code, title, detail, ...(requestId ? { requestId } : {}), ...retry }
    }
  } catch {
    // Not JSON: whatever stands between the page and the service answered in its place.
  }
  return {
    code: `http_${status}`,
    title: `Status ${status}`,
    detail: `something between this page and the service answered with status ${status}`,
    ...retry,
  }
}
