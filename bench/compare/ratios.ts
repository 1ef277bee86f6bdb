// What a comparison says of a contender: ratios and differences of figures that were measured beside each other.
import { type Estimate, jackknife, median } from '../support/statistics.ts'
import {
  bareOf,
  type Comparison,
  type ContenderResult,
  ceilingOf,
  type Figures,
  loneName,
  resultOf,
} from './results.ts'

export const ownPrefix = 'this service, '
/** The peer that ratios are told against. */
export const yardstick = 'LitServe, onnxruntime'
/** Clients under which the service is compared with the ceiling, and from which on they are a crowd. */
export const manyClients = 32

export function best({ closed }: ContenderResult): number {
  return Math.max(...closed.map(({ imagesPerSecond }) => imagesPerSecond))
}

/** Its best load in a round against the yardstick's. */
export function timesYardstick(comparison: Comparison, name: string): number {
  return overRounds(comparison, (figures) => {
    const [own, base] = [name, yardstick].map((wanted) => resultOf(figures, wanted))
    return own === undefined || base === undefined ? Number.NaN : best(own) / best(base)
  })
}

/**
 * Throughput under the largest crowd against the best of all crowds, each over all rounds together. The larger
 * of two figures of one round would mostly be the luckier one, and the ratio always below 1.
 */
export function keptInCrowd(comparison: Comparison, name: string): Estimate {
  return jackknife(roundsOf(comparison), (rounds) => {
    const results = rounds.flatMap((figures) => resultOf(figures, name) ?? [])
    const crowds = (results[0]?.closed ?? []).flatMap(({ load }, at) =>
      load < manyClients ? [] : mean(results.map(({ closed }) => imagesPerSecondAt(closed, at))),
    )
    return crowds.length < 2 ? Number.NaN : (crowds.at(-1) as number) / Math.max(...crowds)
  })
}

function imagesPerSecondAt(closed: ContenderResult['closed'], at: number): number {
  return closed[at]?.imagesPerSecond ?? Number.NaN
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** What one engine's service does beside what its parts do by themselves. */
export function partsOf(figures: Figures, setting: Parameters<typeof ceilingOf>[1]) {
  const { engine } = setting
  const closed = resultOf(figures, ownPrefix + engine)?.closed ?? []
  const ms = (name: string) => bareOf(figures, name, 1, engine)?.medianMs ?? Number.NaN
  const many = closed.find(({ load }) => load === manyClients)
  return {
    many: many?.imagesPerSecond ?? Number.NaN,
    ceiling: ceilingOf(figures, setting),
    lone: closed[0]?.p50Ms ?? Number.NaN,
    single: ms(`bare ${engine}`),
    decode: ms('bare decode'),
    both: ms(loneName(engine)),
  }
}

/** p99 in p50s under an offered load. */
export function tailOf(comparison: Comparison, name: string, at: number): number {
  return overRounds(comparison, (figures) => {
    const point = resultOf(figures, name)?.open[at]
    return point === undefined ? Number.NaN : point.p99Ms / point.p50Ms
  })
}

/**
 * The median of what each round gives: machines are slower and faster by the minute, and a ratio of two medians
 * may compare one with the other.
 */
export function overRounds(comparison: Comparison, ratio: (figures: Figures) => number): number {
  const found = roundsOf(comparison)
    .map(ratio)
    .filter((value) => !Number.isNaN(value))
  return found.length === 0 ? Number.NaN : median(found)
}

function roundsOf(comparison: Comparison): readonly Figures[] {
  return comparison.each ?? [comparison]
}
