// Which models and versions exist in the model repository: models/<name>/<version>/saved_model.pb.
import type { Manifest } from './manifest.ts'

export interface ModelVersion {
  readonly model: string
  readonly version: number
  /** Absolute path of the folder that holds saved_model.pb. */
  readonly folder: string
  readonly manifest: Manifest
  /**
   * Changes when anything changes that its answers depend on: its files, its labels, its part of
   * the manifest. Another fingerprint is loaded beside what serves, and takes its place.
   */
  readonly fingerprint: string
  /** The same as far as it is equal on other machines: for ETags, which replicas share. */
  readonly identity: string
  /** What tells its files from others of the same names, as a session process sees them (files.ts). */
  readonly files: string
  /** When its files were last written, milliseconds since 1970. */
  readonly writtenMs: number
  /** The labels of its classes, in order; null where the built-in ImageNet table is meant. */
  readonly labels: readonly string[] | null
}

export interface RepositoryProblem {
  readonly model: string
  /** null where it is the whole model's. */
  readonly version: number | null
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
