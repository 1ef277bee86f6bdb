// The service right now: what waits, what works, how fast it goes. Asks often only while this page's
// own images are on their way, seldom otherwise, and never while nobody looks.
import { askForKey } from './api-key.ts'
import { byId } from './elements.ts'
import { showModels } from './models-choice.ts'
import { type ModelInfo, read, readModels, ServiceProblem } from './service.ts'
import { imagesInFlight } from './upload-queue.ts'

const busyIntervalMs = 1000
const idleIntervalMs = 5000
const failedIntervalMs = 5000
/** Of a limited number of requests a minute, these many for looking at numbers. */
const shareOfRateLimit = 0.1
const requestsPerLook = 2
const trendLength = 60

let depth = 0
let images: { readonly count: number; readonly at: number } | null = null
let metricsAreHere = true
let ratePerMinute: number | null = null
const trend: number[] = []

/** Images waiting in the service when it was last asked. */
export function queueDepth(): number {
  return depth
}

/** Looks now and from now on. */
export function watchService(): void {
  void look()
}

async function look(): Promise<void> {
  let pauseMs = imagesInFlight() > 0 ? busyIntervalMs : idleIntervalMs
  if (!document.hidden) {
    try {
      showState(await readModels())
      if (metricsAreHere) await showThroughput()
    } catch (error) {
      pauseMs = await afterFailure(error)
    }
  }
  setTimeout(() => void look(), Math.max(pauseMs, politeIntervalMs()))
}

function politeIntervalMs(): number {
  if (ratePerMinute === null) return 0
  return (60_000 * requestsPerLook) / (ratePerMinute * shareOfRateLimit)
}

/** @returns milliseconds before the next look */
async function afterFailure(error: unknown): Promise<number> {
  if (!(error instanceof ServiceProblem)) throw error
  const { code, retryAfterS = 0 } = error.problem
  if (code === 'unauthorized') {
    await askForKey()
    return 0
  }
  byId('live').dataset.state = code === 'unreachable' ? 'lost' : 'slow'
  byId('engine').textContent =
    code === 'unreachable' ? 'The server does not answer. This page keeps trying.' : ''
  return Math.max(failedIntervalMs, retryAfterS * 1000)
}

function showState(models: readonly ModelInfo[]): void {
  byId('live').dataset.state = 'well'
  showModels(models)
  depth = sum(models.map(({ queueDepth }) => queueDepth))
  const busy = sum(models.map(({ sessions }) => sessions.busy))
  const all = sum(models.map(({ sessions: { busy, idle, starting } }) => busy + idle + starting))
  byId('live-queue').textContent = String(depth)
  byId('live-sessions').textContent = `${busy} of ${all}`
  const engines = models.flatMap(({ engine }) =>
    engine === undefined ? [] : [`${engine.name} on ${engine.device} in ${engine.precision}`],
  )
  byId('engine').textContent = [...new Set(engines)].join('; ')
}

async function showThroughput(): Promise<void> {
  let text: string
  try {
    const reply = await read('metrics')
    text = reply.text
    ratePerMinute = reply.ratePerMinute
  } catch (error) {
    // METRICS_PORT moves them to a port of their own; the rest of the page needs none of them.
    if (error instanceof ServiceProblem && error.problem.code === 'route_not_found') {
      metricsAreHere = false
      byId('metrics-link').hidden = true
      return
    }
    throw error
  }
  const now = { count: countImages(text), at: performance.now() }
  if (images !== null && now.at > images.at) {
    const rate = Math.max(0, ((now.count - images.count) * 1000) / (now.at - images.at))
    trend.push(rate)
    if (trend.length > trendLength) trend.shift()
    byId('live-rate').textContent = rate === 0 ? '0' : rate.toFixed(1)
    drawTrend()
  }
  images = now
}

/** All `images_total{…,outcome="ok"}` of the Prometheus text. */
function countImages(metrics: string): number {
  const found = metrics.matchAll(/^images_total\{[^}]*outcome="ok"[^}]*\} (\S+)$/gm)
  return sum([...found].map(([, value]) => Number(value)))
}

function drawTrend(): void {
  const most = Math.max(1, ...trend)
  const offset = trendLength - trend.length
  const points = trend.map(
    (rate, index) => `${index + offset},${(15 - (rate / most) * 14).toFixed(1)}`,
  )
  byId('live-trend').firstElementChild?.setAttribute('points', points.join(' '))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
