// The series of a metric that every image counts in, found by the values of their labels. prom-client's
// own copies, checks and joins the labels at each of a dozen observations of a request, which takes it
// five times as long. It renders these as it does its own: a metric is what has a name and `get`.
import type { Metric, MetricValue, Registry } from 'prom-client'

export interface MetricOptions<Label extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly Label[]
  readonly registry: Registry
}

export type Labels = Readonly<Record<string, string>>

export interface Rendered extends MetricValue<string> {
  /** Where it is not the metric's own. */
  readonly metricName?: string
}

interface Kind<State> {
  readonly type: 'counter' | 'histogram'
  /** What a series that nothing was counted in holds. */
  readonly begin: () => State
  readonly render: (state: State, labels: Labels) => Iterable<Rendered>
}

export interface LabelledSeries<State> {
  /** @param values of the labels, in the order of their names; begins the series where there is none */
  of(values: readonly string[]): State
  remove(values: readonly string[]): void
}

export function createSeries<State>(
  { name, help, labelNames, registry }: MetricOptions<string>,
  { type, begin, render }: Kind<State>,
): LabelledSeries<State> {
  const all = new Map<string, { readonly labels: Labels; readonly state: State }>()
  const metric = {
    name, // OpenMetrics has no `_total` in it: the registry takes that off where it writes it
    help,
    type,
    get: async () => ({
      name: metric.name,
      help,
      type,
      aggregator: 'sum',
      values: [...all.values()].flatMap(({ labels, state }) => [...render(state, labels)]),
    }),
  }
  registry.registerMetric(metric as unknown as Metric)

  return {
    of(values) {
      const key = keyOf(values)
      const found = all.get(key)
      if (found !== undefined) return found.state
      const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? '']))
      const state = begin()
      all.set(key, { labels, state })
      return state
    },
    remove(values) {
      all.delete(keyOf(values))
    },
  }
}

/** No label's value has a line break: they are names and codes of ours. */
function keyOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : values.join('\n')
}
