// A counter that finds its series by the values of its labels, for what every image counts; see
// histogram.ts.
import type { Counter, Registry } from 'prom-client'

export interface CounterOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly Label[]
  readonly registry: Registry
}

export interface LabelledCounter {
  /** @param values of the labels, in the order of their names */
  add(values: readonly string[]): void
  remove(values: readonly string[]): void
}

interface Series {
  readonly labels: Readonly<Record<string, string>>
  value: number
}

export function createCounter<Label extends string>(
  options: CounterOptions<Label>,
): LabelledCounter {
  const { name, help, labelNames, registry } = options
  const all = new Map<string, Series>()

  function begin(key: string, values: readonly string[]): Series {
    const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? '']))
    const series = { labels, value: 0 }
    all.set(key, series)
    return series
  }

  const metric = {
    name, // OpenMetrics has no `_total` in it: the registry takes that off where it writes it
    help,
    type: 'counter',
    get: async () => ({
      name: metric.name,
      help,
      type: 'counter',
      aggregator: 'sum',
      values: [...all.values()],
    }),
  }
  registry.registerMetric(metric as unknown as Counter)

  return {
    add(values) {
      const key = keyOf(values)
      const series = all.get(key) ?? begin(key, values)
      series.value += 1
    },
    remove(values) {
      all.delete(keyOf(values))
    },
  }
}

/** No label's value has a line break: they are names and codes of ours. */
export function keyOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : values.join('\n')
}
