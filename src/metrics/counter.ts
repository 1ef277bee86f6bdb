// A counter for what every image counts; see labelled-series.ts.
import { createSeries, type MetricOptions } from './labelled-series.ts'

export interface LabelledCounter {
  /** @param values of the labels, in the order of their names */
  add(values: readonly string[]): void
  remove(values: readonly string[]): void
}

export function createCounter<Label extends string>(
  options: MetricOptions<Label>,
): LabelledCounter {
  const series = createSeries(options, {
    type: 'counter',
    begin: () => ({ value: 0 }),
    render: ({ value }, labels) => [{ labels, value }],
  })
  return {
    add(values) {
      series.of(values).value += 1
    },
    remove: series.remove,
  }
}
