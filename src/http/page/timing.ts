// Where the time of one answer went: Server-Timing of the service, and what the page saw of it.
import { make } from './elements.ts'

/** One metric of a Server-Timing header, https://www.w3.org/TR/server-timing/ */
interface Metric {
  readonly name: string
  readonly durationMs: number
  readonly description: string
}

export interface Timing {
  /** From the first byte sent to the last one received, as the browser saw it. */
  readonly totalMs: number
  readonly decodeMs: number
  /** In the order of the models that were asked. */
  readonly models: readonly ModelTiming[]
}

export interface ModelTiming {
  readonly queueMs: number
  readonly inferMs: number
  readonly batchSize: number
}

export function readTiming(header: string | null, totalMs: number): Timing {
  const metrics = parse(header ?? '')
  const all = (name: string) => metrics.filter((metric) => metric.name === name)
  const queues = all('queue')
  const infers = all('infer')
  const batches = all('batch')
  return {
    totalMs,
    decodeMs: all('decode')[0]?.durationMs ?? 0,
    models: infers.map(({ durationMs }, index) => ({
      queueMs: queues[index]?.durationMs ?? 0,
      inferMs: durationMs,
      batchSize: Number(batches[index]?.description ?? 1),
    })),
  }
}

function parse(header: string): readonly Metric[] {
  return header
    .split(/,\s*(?=[\w-]+(?:;|$))/)
    .filter((item) => item !== '')
    .map((item) => {
      const [name = '', ...parameters] = item.split(';')
      const values = new Map(
        parameters.map((parameter) => {
          const [key = '', value = ''] = parameter.split('=', 2)
          return [key.trim(), value.trim().replace(/^"|"$/g, '')]
        }),
      )
      return {
        name: name.trim(),
        durationMs: Number(values.get('dur') ?? 0),
        description: values.get('desc') ?? '',
      }
    })
}

/** One stage of the bar. */
interface Stage {
  readonly name: string
  readonly ms: number
}

/**
 * A bar of the stages with their names and times beneath.
 * @param explained heat maps were made, a time that the service does not tell
 */
export function timingView(timing: Timing, explained: boolean): HTMLElement {
  const stages = stagesOf(timing)
  const sum = stages.reduce((total, { ms }) => total + ms, 0)
  const track = make('div', { class: 'track', 'aria-hidden': 'true' })
  const legend = make('ul', { class: 'legend', 'aria-label': 'Where the time went' })
  for (const { name, ms } of stages) {
    const part = make('span', { class: `stage ${name}` })
    part.style.flexGrow = String(Math.max(ms / (sum || 1), 0.004))
    track.append(part)
    legend.append(
      make(
        'li',
        { class: name },
        make('span', {
          text: `${explained && name === 'transfer' ? 'heat map and transfer' : name} `,
        }),
        make('b', { text: milliseconds(ms) }),
      ),
    )
  }
  legend.append(
    make(
      'li',
      { class: 'sum' },
      make('span', { text: 'in all ' }),
      make('b', { text: milliseconds(timing.totalMs) }),
    ),
  )
  return make('div', { class: 'timing' }, track, legend)
}

/**
 * Models run side by side, so the slowest of them is what the answer waited for. What the service
 * does not account for is the way there and back.
 */
function stagesOf({ totalMs, decodeMs, models }: Timing): readonly Stage[] {
  const slowest = models.reduce(
    (worst, model) =>
      model.queueMs + model.inferMs > worst.queueMs + worst.inferMs ? model : worst,
    { queueMs: 0, inferMs: 0, batchSize: 1 },
  )
  const known = decodeMs + slowest.queueMs + slowest.inferMs
  return [
    { name: 'transfer', ms: Math.max(0, totalMs - known) },
    { name: 'decode', ms: decodeMs },
    { name: 'queue', ms: slowest.queueMs },
    { name: 'infer', ms: slowest.inferMs },
  ]
}

export function milliseconds(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`
  return ms >= 100 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`
}
