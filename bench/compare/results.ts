// What a comparison found, as it is kept in JSON: every table and plot is made from this alone.
import type { LoadFigure } from './load.ts'

export interface Point extends LoadFigure {
  /** Clients of a closed loop; of an open one the offered images a second, in a single round as a part of the capacity. */
  readonly load: number
  /** Cores that the contender used. */
  readonly cores: number
  readonly memoryBytes: number
}

export interface ContenderResult {
  readonly name: string
  readonly startMs: number
  /** In a comparison rounds of each load are merged by their median. */
  readonly closed: readonly Point[]
  readonly open: readonly Point[]
}

export interface BareResult {
  readonly name: string
  readonly batch: number
  readonly imagesPerSecond: number
  readonly medianMs: number
  /** Beside whose service it was measured, in a round; absent where all are merged. */
  readonly engine?: string
}

/** What was measured together: one round, or the medians of all. */
export interface Figures {
  readonly contenders: readonly ContenderResult[]
  readonly bare: readonly BareResult[]
}

export interface Comparison extends Figures {
  readonly model: string
  readonly machine: string
  readonly images: number
  readonly threads: number
  readonly maxBatchSize: number
  readonly rounds: number
  readonly windowMs: number
  /** The rounds one by one, for ratios of figures that were measured beside each other; older runs have none. */
  readonly each?: readonly Figures[]
  /** Who could not run here, and why. */
  readonly absent: readonly { readonly name: string; readonly reason: string }[]
}

/** The loop that decodes an image and then computes it, which is what one client waits for at least. */
export function loneName(engine: string): string {
  return `bare decode, then ${engine}`
}

export function resultOf({ contenders }: Figures, name: string): ContenderResult | undefined {
  return contenders.find((one) => one.name === name)
}

/** @param engine beside whose service it was measured, where that matters */
export function bareOf(
  { bare }: Figures,
  name: string,
  batch: number,
  engine?: string,
): BareResult | undefined {
  return bare.find(
    (one) =>
      one.name === name &&
      one.batch === batch &&
      (engine === undefined || one.engine === undefined || one.engine === engine),
  )
}

/** What decoding and inference alone would allow on the same cores, in images a second. */
export function ceilingOf(
  figures: Figures,
  {
    engine,
    threads,
    maxBatchSize,
  }: Pick<Comparison, 'threads' | 'maxBatchSize'> & { engine: string },
): number {
  const inference = bareOf(figures, `bare ${engine}`, maxBatchSize, engine)
  const decode = bareOf(figures, 'bare decode', threads, engine)
  if (inference === undefined || decode === undefined) return Number.NaN
  return 1 / (1 / inference.imagesPerSecond + 1 / decode.imagesPerSecond)
}
