// Medians and percentiles of measured samples, and a table of them.

import { quantile } from '../../src/cli/quantile.ts'

/** @param share 0…1, e.g. 0.5 for the median */
export function percentile(samples: readonly number[], share: number): number {
  return quantile(
    [...samples].sort((a, b) => a - b),
    share,
  )
}

/** Of two rounds their mean: neither of them is the one to be believed. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1)
  return middle.reduce((sum, value) => sum + value, 0) / middle.length
}

/** A figure and its standard error; NaN where there is but one sample. */
export interface Estimate {
  readonly value: number
  readonly error: number
}

/**
 * What `figure` makes of all samples, and how much it depends on which they are: from what it makes of them
 * without each of them (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 3).
 */
export function jackknife<Sample>(
  samples: readonly Sample[],
  figure: (samples: readonly Sample[]) => number,
): Estimate {
  const value = figure(samples)
  const count = samples.length
  if (count < 2) return { value, error: Number.NaN }
  const without = samples.map((_, left) => figure(samples.filter((_, at) => at !== left)))
  const mean = without.reduce((sum, one) => sum + one, 0) / count
  const squares = without.reduce((sum, one) => sum + (one - mean) ** 2, 0)
  return { value, error: Math.sqrt(((count - 1) / count) * squares) }
}

/** A Markdown table whose first row is the head. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[], filler = ' ') =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, filler)).join(' | ')} |`
  return [line(head), line([], '-'), ...body.map((cells) => line(cells))].join('\n')
}

/** What was measured, by subject and quantity, in the order of the first notes. */
export interface Samples {
  note(subject: string, quantity: string, value: number): void
  median(subject: string, quantity: string): number
  values(subject: string, quantity: string): readonly number[]
  subjects(): readonly string[]
  /** Medians: a row a subject, a column a quantity. */
  table(corner: string): string
}

export function createSamples(): Samples {
  const rows = new Map<string, Map<string, number[]>>()
  const values = (subject: string, quantity: string) => rows.get(subject)?.get(quantity) ?? []
  return {
    values,
    median: (subject, quantity) => median(values(subject, quantity)),
    subjects: () => [...rows.keys()],
    note(subject, quantity, value) {
      const row = rows.get(subject) ?? new Map<string, number[]>()
      rows.set(subject, row)
      row.set(quantity, [...(row.get(quantity) ?? []), value])
    },
    table(corner) {
      const quantities = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))]
      const cells = [...rows].map(([subject, row]) => [
        subject,
        ...quantities.map((quantity) => shown(median(row.get(quantity) ?? []))),
      ])
      return markdownTable([[corner, ...quantities], ...cells])
    },
  }
}

/** Three significant digits, whole numbers above a hundred. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return value.toFixed(0)
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2)
}
