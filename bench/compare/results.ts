// What a comparison found, as it is kept in JSON: every table and plot is made from this alone.
import type { LoadFigure } from './load.ts'

export interface Point extends LoadFigure {
  /** Clients of a closed loop, or offered images a second of an open one. */
  readonly load: number
  /** Cores that the contender used. */
  readonly cores: number
  readonly memoryBytes: number
}

export interface ContenderResult {
  readonly name: string
  readonly startMs: number
  /** Rounds of each load are merged by their median. */
  readonly closed: readonly Point[]
  readonly open: readonly Point[]
}

export interface BareResult {
  readonly name: string
  readonly batch: number
  readonly imagesPerSecond: number
  readonly medianMs: number
}

export interface Comparison {
  readonly model: string
  readonly machine: string
  readonly images: number
  readonly threads: number
  readonly maxBatchSize: number
  readonly rounds: number
  readonly windowMs: number
  readonly contenders: readonly ContenderResult[]
  readonly bare: readonly BareResult[]
  /** Who could not run here, and why. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[]
}

/** The loop that decodes an image and then computes it, which is what one client waits for at least. */
export function loneName(engine: string): string {
  return `bare decode, then ${engine}`
}

export function bareOf({ bare }: Comparison, name: string, batch: number): BareResult | undefined {
  return bare.find((one) => one.name === name && one.batch === batch)
}

/** What decoding and inference alone would allow on the same cores, in images a second. */
export function ceilingOf(comparison: Comparison, engine: string): number {
  const inference = bareOf(comparison, `bare ${engine}`, comparison.maxBatchSize)
  const decode = bareOf(comparison, 'bare decode', comparison.threads)
  if (inference === undefined || decode === undefined) return Number.NaN
  return 1 / (1 / inference.imagesPerSecond + 1 / decode.imagesPerSecond)
}
