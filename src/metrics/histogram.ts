// A histogram for what every image is measured by, which counts in an array; see labelled-series.ts.
import { createSeries, type Labels, type MetricOptions, type Rendered } from './labelled-series.ts'

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[]
}

export interface LabelledHistogram {
  /** @param values of the labels, in the order of their names */
  observe(values: readonly string[], value: number): void
  remove(values: readonly string[]): void
}

interface Observations {
  /** Observations of each bucket, and behind the last bound those above it. */
  readonly counts: Float64Array
  sum: number
}

export function createHistogram<Label extends string>(
  options: HistogramOptions<Label>,
): LabelledHistogram {
  const { name, buckets } = options

  function* render({ counts, sum }: Observations, labels: Labels): Generator<Rendered> {
    let count = 0
    for (const [at, upTo] of [...buckets, '+Inf'].entries()) {
      count += counts[at] as number
      yield { metricName: `${name}_bucket`, labels: { le: upTo, ...labels }, value: count }
    }
    yield { metricName: `${name}_sum`, labels, value: sum }
    yield { metricName: `${name}_count`, labels, value: count }
  }

  const series = createSeries<Observations>(options, {
    type: 'histogram',
    begin: () => ({ counts: new Float64Array(buckets.length + 1), sum: 0 }),
    render,
  })
  return {
    observe(values, value) {
      const observations = series.of(values)
      let at = 0
      while (at < buckets.length && value > (buckets[at] as number)) at += 1
      observations.counts[at] = (observations.counts[at] as number) + 1
      observations.sum += value
    },
    remove: series.remove,
  }
}
