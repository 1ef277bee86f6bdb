// What a lone client waits for beside what decoding and inference take by themselves, in rounds so short that
// the machine is mostly the same from the first figure of a round to the last.
import { median, percentile } from '../support/statistics.ts'

/** Medians in milliseconds, in the order in which they were measured. */
export interface LoneRound {
  readonly inferMs: number
  readonly decodeMs: number
  /** One bare loop that decodes an image and then computes it. */
  readonly bothMs: number
  /** One client of the service. */
  readonly serviceMs: number
  /** Inference once more: whether the machine is still what it was. */
  readonly inferAgainMs: number
}

export interface LoneResult {
  readonly engine: string
  readonly rounds: readonly LoneRound[]
}

export interface LoneRun {
  readonly model: string
  readonly machine: string
  readonly images: number
  readonly threads: number
  /** Milliseconds for which each bare loop runs in a round; the service runs for twice as long. */
  readonly windowMs: number
  readonly results: readonly LoneResult[]
}

/** Medians over some rounds; of a difference, the median of what each round gives. */
export interface LoneFigures extends Omit<LoneRound, 'inferAgainMs'> {
  readonly rounds: number
  /** p50 of the service - inference - decoding. */
  readonly addedMs: number
  /** p50 of the service - both in turn. */
  readonly addedToBothMs: number
}

/** Rounds by what the machine was while they ran. */
export interface Sorted {
  readonly all: LoneFigures
  /** Inference took as long after the service as before. */
  readonly steady: LoneFigures
  /** Those of them in which the machine was about as fast as it ever was in this run. */
  readonly fast: LoneFigures
  readonly slow: LoneFigures
}

/** Two medians of an unchanged machine differ by less. */
const steadyRatio = 1.15
/** Slower than the fastest inference by more is not the machine's own speed. */
const fastRatio = 1.25
/** The fastest inference, but for a few lucky rounds. */
const fastest = 0.1

export function sortRounds(rounds: readonly LoneRound[]): Sorted {
  const speeds = rounds.flatMap(({ inferMs, inferAgainMs }) => [inferMs, inferAgainMs])
  const limitMs = fastRatio * percentile(speeds, fastest)
  const steady = rounds.filter(({ inferMs: before, inferAgainMs: after }) => {
    return Math.max(before, after) <= steadyRatio * Math.min(before, after)
  })
  const isFast = ({ inferMs, inferAgainMs }: LoneRound) =>
    Math.max(inferMs, inferAgainMs) <= limitMs
  return {
    all: figuresOf(rounds),
    steady: figuresOf(steady),
    fast: figuresOf(steady.filter(isFast)),
    slow: figuresOf(steady.filter((round) => !isFast(round))),
  }
}

function figuresOf(rounds: readonly LoneRound[]): LoneFigures {
  const over = (figure: (round: LoneRound) => number) =>
    rounds.length === 0 ? Number.NaN : median(rounds.map(figure))
  return {
    rounds: rounds.length,
    inferMs: over(({ inferMs }) => inferMs),
    decodeMs: over(({ decodeMs }) => decodeMs),
    bothMs: over(({ bothMs }) => bothMs),
    serviceMs: over(({ serviceMs }) => serviceMs),
    // Of inference before and after: where the machine changes in between, it lies between them.
    addedMs: over((round) => {
      const inferMs = (round.inferMs + round.inferAgainMs) / 2
      return round.serviceMs - inferMs - round.decodeMs
    }),
    addedToBothMs: over(({ serviceMs, bothMs }) => serviceMs - bothMs),
  }
}
