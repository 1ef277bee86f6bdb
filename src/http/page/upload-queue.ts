// Which images are on their way: a few at a time, and all wait when the server asks for patience.
import { askForKey } from './api-key.ts'
import { type Answer, classify, type Question } from './classify.ts'
import { type Problem, ServiceProblem } from './service.ts'

/** Enough to keep decoding, queueing and computing busy at once; a browser opens six connections. */
const maxInFlight = 4
/** A server that refuses this often in a row needs a person, not another try. */
const maxAttempts = 8

/** What a card is told while its image is on its way. */
export interface Progress {
  waiting(): void
  uploading(fraction: number): void
  sent(): void
  /** The server asked to come back; the time is `performance.now()`. */
  pausedUntil(time: number, problem: Problem): void
}

export type Job = Omit<Question, 'onUpload' | 'onSent'> & { readonly progress: Progress }

/** After a refusal fewer go at once; each answer allows a little more again. */
const regainPerAnswer = 0.25

let allowed = maxInFlight
let inFlight = 0
let quietUntil = 0
const turns: (() => void)[] = []

/** Images that are being sent or answered right now. */
export function imagesInFlight(): number {
  return inFlight
}

/** @throws ServiceProblem; an AbortError where the job's signal was raised */
export async function enqueue(job: Job): Promise<Answer> {
  job.progress.waiting()
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inItsTurn(job, attempt > 1)
    } catch (error) {
      if (!(error instanceof ServiceProblem) || attempt === maxAttempts) throw error
      if (attempt === 1 && isHeatMapStarting(error, job)) continue
      await beforeNextTry(error, job)
    }
  }
}

/** The first heat map starts sessions of its own, which may take longer than a request is given. */
function isHeatMapStarting({ problem }: ServiceProblem, { explain }: Job): boolean {
  return explain && problem.code === 'deadline_exceeded'
}

/** One try; who was refused before is let in before those who have not tried yet. */
async function inItsTurn(job: Job, isFirstInLine: boolean): Promise<Answer> {
  const { signal, progress } = job
  await turn(isFirstInLine)
  try {
    await sleepUntil(quietUntil, signal)
    signal.throwIfAborted()
    progress.uploading(0)
    const answer = await classify({ ...job, onUpload: progress.uploading, onSent: progress.sent })
    allowed = Math.min(maxInFlight, allowed + regainPerAnswer)
    return answer
  } catch (error) {
    if (error instanceof ServiceProblem) holdBack(error.problem)
    throw error
  } finally {
    inFlight -= 1
    while (turns.length > 0 && inFlight < Math.floor(allowed)) {
      inFlight += 1
      turns.shift()?.()
    }
  }
}

/** Resolves when there is room; the room is taken already. */
function turn(isFirstInLine: boolean): Promise<void> {
  if (inFlight < Math.floor(allowed)) {
    inFlight += 1
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    if (isFirstInLine) turns.unshift(resolve)
    else turns.push(resolve)
  })
}

/** Everybody is quiet for as long as the server asked, and fewer go at once afterwards. */
function holdBack({ retryAfterS }: Problem): void {
  if (retryAfterS === undefined) return
  allowed = Math.max(1, allowed - 1)
  quietUntil = Math.max(quietUntil, performance.now() + retryAfterS * 1000)
}

/** Waits for what would make another try worth it. @throws the error, where nothing would */
async function beforeNextTry(error: ServiceProblem, { progress, signal }: Job): Promise<void> {
  const { code, retryAfterS } = error.problem
  if (code === 'unauthorized') {
    progress.waiting()
    await askForKey()
  } else if (retryAfterS !== undefined) {
    progress.pausedUntil(quietUntil, error.problem)
    await sleepUntil(quietUntil, signal)
  } else {
    throw error
  }
}

function sleepUntil(time: number, signal: AbortSignal): Promise<void> {
  const ms = time - performance.now()
  if (ms <= 0) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
