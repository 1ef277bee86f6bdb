// A histogram that finds its series by the values of its labels and counts in an array. prom-client's
// own copies, checks and joins the labels at each of the seven observations of a request, which takes
// it five times as long. It renders these as it does its own: a metric is what has a name and `get`.
import type { Histogram, MetricValue, Registry } from 'prom-client'
import { keyOf } from './counter.ts'

export interface HistogramOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly Label[]
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[]
  readonly registry: Registry
}

export interface LabelledHistogram {
  /** @param values of the labels, in the order of their names */
  observe(values: readonly string[], value: number): void
  remove(values: readonly string[]): void
}

interface Series {
  readonly labels: Readonly<Record<string, string>>
  /** Observations of each bucket, and behind the last bound those above it. */
  readonly counts: Float64Array
  sum: number
}

interface Rendered extends MetricValue<string> {
  readonly metricName: string
}

export function createHistogram<Label extends string>(
  options: HistogramOptions<Label>,
): LabelledHistogram {
  const { name, help, labelNames, buckets, registry } = options
  const all = new Map<string, Series>()

  function begin(key: string, values: readonly string[]): Series {
    const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? '']))
    const series = { labels, counts: new Float64Array(buckets.length + 1), sum: 0 }
    all.set(key, series)
    return series
  }

  function* render({ labels, counts, sum }: Series): Generator<Rendered> {
    let count = 0
    for (const [at, upTo] of [...buckets, '+Inf'].entries()) {
      count += counts[at] as number
      yield { metricName: `${name}_bucket`, labels: { le: upTo, ...labels }, value: count }
    }
    yield { metricName: `${name}_sum`, labels, value: sum }
    yield { metricName: `${name}_count`, labels, value: count }
  }

  const metric = {
    name,
    help,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: [...all.values()].flatMap((series) => [...render(series)]),
    }),
  }
  registry.registerMetric(metric as unknown as Histogram)

  return {
    observe(values, value) {
      const key = keyOf(values)
      const series = all.get(key) ?? begin(key, values)
      let at = 0
      while (at < buckets.length && value > (buckets[at] as number)) at += 1
      series.counts[at] = (series.counts[at] as number) + 1
      series.sum += value
    },
    remove(values) {
      all.delete(keyOf(values))
    },
  }
}
