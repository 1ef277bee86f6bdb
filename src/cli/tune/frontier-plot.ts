// The trials of `tune` as an SVG: throughput against p99, the frontier as a line, the choice filled.
import type { Trial } from './tune-trial.ts'

const width = 720
const height = 440
const margin = { left: 64, right: 24, top: 40, bottom: 52 }
const plotWidth = width - margin.left - margin.right
const plotHeight = height - margin.top - margin.bottom
const gridLines = 5
/** Room above the largest value. */
const headroom = 1.1

export interface FrontierPlot {
  readonly trials: readonly Trial[]
  readonly frontier: readonly Trial[]
  readonly best: Trial
  /** The target of p99, in milliseconds. */
  readonly p99Ms: number
  readonly name: (trial: Trial) => string
}

/** Hovering over a mark shows its setting. */
export function frontierPlot({ trials, frontier, best, p99Ms, name }: FrontierPlot): string {
  const topX = Math.max(p99Ms, ...trials.map((trial) => trial.p99Ms)) * headroom
  const topY = Math.max(...trials.map((trial) => trial.imagesPerSecond)) * headroom
  const x = (ms: number) => (margin.left + (ms / topX) * plotWidth).toFixed(1)
  const y = (rate: number) => (margin.top + (1 - rate / topY) * plotHeight).toFixed(1)
  const bottom = margin.top + plotHeight
  const ticks = Array.from({ length: gridLines + 1 }, (_, index) => {
    const [ms, rate] = [(topX / gridLines) * index, (topY / gridLines) * index]
    return `<line x1="${margin.left}" x2="${margin.left + plotWidth}" y1="${y(rate)}" y2="${y(rate)}" stroke="#e3e6e8"/>
<text x="${margin.left - 6}" y="${y(rate)}" text-anchor="end">${rate.toFixed(1)}</text>
<text x="${x(ms)}" y="${bottom + 16}" text-anchor="middle">${ms.toFixed(0)}</text>`
  })
  const line = frontier
    .toSorted((a, b) => a.p99Ms - b.p99Ms)
    .map((trial) => `${x(trial.p99Ms)},${y(trial.imagesPerSecond)}`)
  const marks = trials.map((trial) => {
    const fill = trial === best ? '#d1495b' : frontier.includes(trial) ? '#00798c' : '#ffffff'
    const told = `${name(trial)}: ${trial.imagesPerSecond.toFixed(1)} images/s, p99 ${trial.p99Ms.toFixed(0)} ms`
    return `<circle cx="${x(trial.p99Ms)}" cy="${y(trial.imagesPerSecond)}" r="5" fill="${fill}" stroke="#30638e"><title>${told}</title></circle>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${margin.left}" y="22" font-size="14">Throughput and p99 of every setting; the line is the frontier, red is chosen</text>
${ticks.join('\n')}
<line x1="${x(p99Ms)}" x2="${x(p99Ms)}" y1="${margin.top}" y2="${bottom}" stroke="#5c6b73" stroke-dasharray="5 4"><title>the target: ${p99Ms} ms</title></line>
<polyline points="${line.join(' ')}" fill="none" stroke="#00798c"/>
${marks.join('\n')}
<text x="${margin.left + plotWidth / 2}" y="${height - 12}" text-anchor="middle">p99, ms (dashed: the target)</text>
<text transform="translate(16 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">images/s</text>
</svg>
`
}
