// The rounds of a run as one: medians, figure by figure.
import { median } from '../support/statistics.ts'
import { type BareResult, type Figures, type Point, resultOf } from './results.ts'

/** One point a load: the median of its rounds, figure by figure. */
export function mergePoints(points: readonly Point[], loads: readonly number[]): Point[] {
  return loads.map((load) => {
    const rounds = points.filter((point) => point.load === load)
    const keys = Object.keys(rounds[0] ?? {}) as (keyof Point)[]
    const merged = keys.map((key) => [key, median(rounds.map((point) => point[key]))])
    return Object.fromEntries(merged) as Point
  })
}

export function pointsOf(
  rounds: readonly Figures[],
  name: string,
  kind: 'closed' | 'open',
): Point[] {
  return rounds.flatMap((figures) => resultOf(figures, name)?.[kind] ?? [])
}

/** Of the medians: the best of all windows is what the machine does now and then, not its capacity. */
export function capacityOf(
  rounds: readonly Figures[],
  name: string,
  loads: readonly number[],
): number {
  const merged = mergePoints(pointsOf(rounds, name, 'closed'), loads)
  return Math.max(...merged.map(({ imagesPerSecond }) => imagesPerSecond))
}

/** One figure a loop and batch size, whichever service it was measured beside. */
export function mergeBare(found: readonly BareResult[]): BareResult[] {
  const groups = new Map<string, BareResult[]>()
  for (const one of found) {
    const key = `${one.name} ${one.batch}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].map((figures) => {
    const { name, batch } = figures[0] as BareResult
    return {
      ...{ name, batch },
      imagesPerSecond: median(figures.map(({ imagesPerSecond }) => imagesPerSecond)),
      medianMs: median(figures.map(({ medianMs }) => medianMs)),
    }
  })
}
