// What `bench` prints: a table for people, or a line of JSON a row.
import type { LoopFigures } from './closed-loop.ts'
import { quantile } from './quantile.ts'

export type BenchRow = LoopFigures & { readonly clients: number }

const shares = { p50Ms: 0.5, p90Ms: 0.9, p99Ms: 0.99 } as const
const stages = ['decode', 'queue', 'infer'] as const

const columns = [
  'CLIENTS',
  'IMAGES/S',
  'P50 MS',
  'P90',
  'P99',
  'DECODE',
  'QUEUE',
  'INFER',
  'REFUSED',
]

/** @returns what prints one row; the first comes under a heading, failures follow theirs */
export function createBenchTable(): (row: BenchRow) => void {
  process.stdout.write(`${line(columns)}\n`)
  return (row) => {
    const times = Object.values(timesOf(row)).map((ms) => (Number.isNaN(ms) ? '-' : ms.toFixed(1)))
    const cells = [String(row.clients), row.perSecond.toFixed(1), ...times, String(row.refused)]
    process.stdout.write(`${line(cells)}\n`)
    for (const [reason, count] of row.failures) {
      process.stderr.write(`${row.clients} clients: ${count} requests failed (${reason})\n`)
    }
  }
}

export function printJson(row: BenchRow): void {
  const { clients, perSecond, refused, failures } = row
  const counts = { answered: row.timesMs.length, refused, failed: Object.fromEntries(failures) }
  const summary = { clients, imagesPerSecond: perSecond, ...timesOf(row), ...counts }
  process.stdout.write(`${JSON.stringify(summary)}\n`)
}

/** In the order of the columns; NaN where nothing was answered. */
function timesOf({ timesMs, stagesMs }: BenchRow): Readonly<Record<string, number>> {
  const client = Object.entries(shares).map(([name, share]) => [name, quantile(timesMs, share)])
  const service = stages.map((name) => [
    `${name}MeanMs`,
    (stagesMs.get(name) ?? Number.NaN) / timesMs.length,
  ])
  return Object.fromEntries([...client, ...service])
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padStart(Math.max(7, columns[index]?.length ?? 0)))
    .join('  ')
}
