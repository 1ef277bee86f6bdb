// What a fault is to the runner, and the ground it is tried on.
import type { KnownImage } from '../../support/known-images.ts'

export interface Ground {
  /** A repository of its own that holds the models `small` and `other`. */
  readonly repository: string
  /** A folder of its own for whatever else it needs. */
  readonly folder: string
  /** Images of the model `small`. */
  readonly images: readonly KnownImage[]
  /** Images of the model `other`. */
  readonly otherImages: readonly KnownImage[]
  /** True in the form that writes docs/reliability.md; the short one proves correctness only. */
  readonly long: boolean
}

/** What was seen, for the table: name -> figure. */
export type Sighting = Readonly<Record<string, string | number>>

export interface Fault {
  /** A sentence: what is done to the service. */
  readonly name: string
  /** What this machine lacks for it, or nothing. */
  readonly lacks?: () => string | undefined
  /** Injects it for real. @throws AssertionError when the service does not keep its promise */
  readonly run: (ground: Ground) => Promise<Sighting>
}
