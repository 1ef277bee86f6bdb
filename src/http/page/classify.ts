// One image to the service and back, with progress. XMLHttpRequest, because fetch tells nothing of
// an upload's progress. The file goes as it is: shrinking it here would change the answer.
import {
  authorization,
  type ModelAnswer,
  type Problem,
  problemOf,
  ServiceProblem,
  unreachable,
} from './service.ts'
import { readTiming, type Timing } from './timing.ts'

export interface Question {
  readonly file: Blob
  readonly models: readonly string[]
  readonly explain: boolean
  readonly signal: AbortSignal
  /** 0…1 while the upload runs. */
  readonly onUpload: (fraction: number) => void
  /** The last byte has left. */
  readonly onSent: () => void
}

export interface Answer {
  readonly results: readonly ModelAnswer[]
  readonly timing: Timing
}

/** The service would answer in the words of its API. */
const emptyFile: Problem = {
  code: 'image_missing',
  title: 'Empty file',
  detail: 'the file has 0 bytes',
}

/** Bars beneath an image. */
const predictions = 5

/** Relative: a proxy may serve the page, and all beside it, below a path of its own. */
export function addressFor({ models, explain }: Pick<Question, 'models' | 'explain'>): string {
  const query = new URLSearchParams({ top_k: String(predictions) })
  if (explain) query.set('explain', 'overlay')
  const names = models.length === 0 ? '' : `model=${models.map(encodeURIComponent).join(',')}&`
  return `v1/classify?${names}${query}`
}

/** @throws ServiceProblem; an AbortError where the signal was raised */
export function classify(question: Question): Promise<Answer> {
  const { file, signal, onUpload, onSent } = question
  if (file.size === 0) return Promise.reject(new ServiceProblem(emptyFile))
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    const startedAt = performance.now()
    request.open('POST', addressFor(question))
    for (const [name, value] of Object.entries(authorization())) {
      request.setRequestHeader(name, value)
    }
    request.upload.addEventListener('progress', ({ loaded, total }) => onUpload(loaded / total))
    request.upload.addEventListener('load', onSent)
    request.addEventListener('error', () => reject(new ServiceProblem(unreachable())))
    request.addEventListener('abort', () => reject(signal.reason))
    request.addEventListener('load', () => {
      try {
        resolve(answerOf(request, performance.now() - startedAt))
      } catch (error) {
        reject(error)
      }
    })
    signal.addEventListener('abort', () => request.abort(), { once: true })
    request.send(file)
  })
}

function answerOf(request: XMLHttpRequest, totalMs: number): Answer {
  const { status, responseText } = request
  if (status !== 200) {
    const retryAfter = request.getResponseHeader('retry-after')
    throw new ServiceProblem(problemOf(status, responseText, retryAfter))
  }
  const body = JSON.parse(responseText) as
    | ModelAnswer
    | { readonly results: readonly ModelAnswer[] }
  return {
    results: 'results' in body ? body.results : [body],
    timing: readTiming(request.getResponseHeader('server-timing'), totalMs),
  }
}
