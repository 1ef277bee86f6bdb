// A line chart as an SVG: no library, so that a page of numbers needs nothing to be made again.
import { escapeXml } from '../profile/flame-graph.ts'

export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
  /** A limit, drawn dashed and without marks. */
  readonly limit?: boolean
}

export interface ChartOptions {
  readonly title: string
  readonly x: string
  readonly y: string
  /** For clients, which double. */
  readonly logX?: boolean
  /** Y values above are cut off, so that one runaway does not flatten the rest. */
  readonly maxY?: number
}

const width = 860
const height = 460
const margin = { left: 64, right: 250, top: 40, bottom: 48 }
const plotWidth = width - margin.left - margin.right
const plotHeight = height - margin.top - margin.bottom
const gridLines = 5
const colours = [
  ...['#d1495b', '#00798c', '#edae49', '#30638e', '#66a182', '#8d5a97'],
  ...['#5c6b73', '#b56576', '#3a7d44', '#c77d0a'],
]

export function lineChart(series: readonly Series[], options: ChartOptions): string {
  const xs = series.flatMap(({ points }) => points.map(([x]) => x))
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y)).filter(Number.isFinite)
  const top = niceTop(Math.min(options.maxY ?? Number.POSITIVE_INFINITY, Math.max(...ys, 0)))
  const scaleX = createScaleX(xs, options.logX ?? false)
  const scaleY = (y: number) => margin.top + plotHeight * (1 - Math.min(y, top) / top)
  const grid = Array.from({ length: gridLines + 1 }, (_, index) => {
    const value = (top / gridLines) * index
    const y = scaleY(value).toFixed(1)
    return `<line x1="${margin.left}" x2="${margin.left + plotWidth}" y1="${y}" y2="${y}" stroke="#e3e6e8"/><text x="${margin.left - 6}" y="${Number(y) + 4}" text-anchor="end">${label(value)}</text>`
  })
  const marks = [...new Set(xs)].sort((a, b) => a - b)
  const ticks = thinned(marks).map(
    (x) =>
      `<text x="${scaleX(x).toFixed(1)}" y="${margin.top + plotHeight + 16}" text-anchor="middle">${label(x)}</text>`,
  )
  const lines = series.map((one, index) => drawSeries(one, { index, scaleX, scaleY }))
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" role="img">
<title>${escapeXml(options.title)}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${margin.left}" y="22" font-size="14">${escapeXml(options.title)}</text>
${grid.join('\n')}
${ticks.join('\n')}
<text x="${margin.left + plotWidth / 2}" y="${height - 10}" text-anchor="middle">${escapeXml(options.x)}</text>
<text transform="translate(14 ${margin.top + plotHeight / 2}) rotate(-90)" text-anchor="middle">${escapeXml(options.y)}</text>
${lines.join('\n')}
</svg>
`
}

interface Drawing {
  readonly index: number
  readonly scaleX: (x: number) => number
  readonly scaleY: (y: number) => number
}

function drawSeries({ name, points, limit }: Series, { index, scaleX, scaleY }: Drawing): string {
  const colour = limit ? '#222222' : (colours[index % colours.length] as string)
  const known = points.filter(([, y]) => Number.isFinite(y))
  const path = known.map(([x, y]) => `${scaleX(x).toFixed(1)},${scaleY(y).toFixed(1)}`)
  const dots = limit
    ? []
    : path.map((at) => {
        const [x, y] = at.split(',')
        return `<circle cx="${x}" cy="${y}" r="2.6" fill="${colour}"/>`
      })
  const legendY = margin.top + 8 + index * 17
  const legendX = margin.left + plotWidth + 14
  const dash = limit ? ' stroke-dasharray="6 4"' : ''
  return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="1.8"${dash}/>${dots.join('')}
<line x1="${legendX}" x2="${legendX + 18}" y1="${legendY}" y2="${legendY}" stroke="${colour}" stroke-width="2"${dash}/><text x="${legendX + 24}" y="${legendY + 4}">${escapeXml(name)}</text>`
}

function createScaleX(xs: readonly number[], isLog: boolean): (x: number) => number {
  const place = isLog ? Math.log2 : (x: number) => x
  const low = isLog ? place(Math.min(...xs)) : 0
  const span = place(Math.max(...xs)) - low || 1
  return (x) => margin.left + (plotWidth * (place(x) - low)) / span
}

/** A round number at or above `value`. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1))
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].find((factor) => factor * power >= value) ?? 10
  return step * power
}

/** As many labels as fit beside each other. */
function thinned(values: readonly number[]): readonly number[] {
  const most = 10
  const step = Math.ceil(values.length / most)
  return values.filter((_, index) => index % step === 0)
}

function label(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(1)
}
