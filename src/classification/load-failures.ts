// Versions that failed to load, and when each is worth another try: at once when its files change,
// else after a while, since a full disk or a lack of memory passes without a trace in the files.
import type { ModelVersion } from '../repository/repository.ts'

/** A version that is not served: on its way, given up until its files change, or leaving. */
export interface Absentee {
  readonly version: ModelVersion
  readonly state: 'loading' | 'failed' | 'unloading'
  readonly message?: string
}

export interface Failures {
  add(key: string, version: ModelVersion, message: string): void
  forget(key: string): void
  /** Forgets versions that nobody wants any more. */
  keepOnly(keys: ReadonlySet<string>): void
  /** Whether a version has not failed, has changed since, or has waited for long enough. */
  isDue(key: string, version: ModelVersion): boolean
  all(): readonly Absentee[]
}

interface Failure extends Absentee {
  readonly waitMs: number
  readonly dueAt: number
}

const firstWaitMs = 60_000
const longestWaitMs = 3_600_000

export function createFailures(): Failures {
  const failures = new Map<string, Failure>()
  return {
    add(key, version, message) {
      const before = failures.get(key)
      const isAgain = before?.version.fingerprint === version.fingerprint
      const waitMs = isAgain ? Math.min(before.waitMs * 2, longestWaitMs) : firstWaitMs
      const dueAt = performance.now() + waitMs
      failures.set(key, { version, state: 'failed', message, waitMs, dueAt })
    },
    forget: (key) => failures.delete(key),
    keepOnly(keys) {
      for (const key of failures.keys()) if (!keys.has(key)) failures.delete(key)
    },
    isDue(key, version) {
      const failure = failures.get(key)
      if (failure?.version.fingerprint !== version.fingerprint) return true
      return performance.now() >= failure.dueAt
    },
    all: () =>
      [...failures.values()].map(({ version, state, message = '' }) => ({
        version,
        state,
        message,
      })),
  }
}
