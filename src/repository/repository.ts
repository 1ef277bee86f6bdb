// Which models and versions exist in the model repository: models/<name>/<version>/saved_model.pb.
import type { Manifest } from './manifest.ts'

export interface ModelVersion {
  readonly model: string
  readonly version: number
  /** Absolute path of the folder that holds saved_model.pb. */
  readonly folder: string
  readonly manifest: Manifest
  /** When its files last changed, milliseconds since 1970: a failed load is tried again after that. */
  readonly modifiedMs: number
  /** The labels of its classes, in order; null where the built-in ImageNet table is meant. */
  readonly labels: readonly string[] | null
}

export interface RepositoryProblem {
  readonly model: string
  /** What was found, what is allowed, what to do. */
  readonly message: string
  /**
   * Whether it could not be found out what the model holds (a manifest half-written, a disk that
   * fails): then what serves goes on serving. False where the model or a version is known to be gone.
   */
  readonly unread: boolean
}

export interface Scan {
  /** Every version of every model, models by name, versions from the highest. */
  readonly versions: readonly ModelVersion[]
  readonly problems: readonly RepositoryProblem[]
}
