// Served versions whose files are suddenly not there. Who puts another in their place does it in two
// steps, `mv` away and `mv` in, and a look may fall between them: for a moment they count as there.
import type { ModelVersion } from '../repository/repository.ts'

export interface MissedVersions {
  /** @returns those of `served` that are not in `found`, but were a moment ago */
  among(served: readonly ModelVersion[], found: readonly ModelVersion[]): readonly ModelVersion[]
}

/** @param graceMs for so long */
export function createMissedVersions(graceMs: number): MissedVersions {
  let missedSince = new Map<string, number>()
  return {
    among(served, found) {
      const now = performance.now()
      const there = new Set(found.map(keyOf))
      const missed = served.filter((version) => !there.has(keyOf(version)))
      const before = missedSince
      const sinceOf = (key: string) => before.get(key) ?? now
      missedSince = new Map(missed.map(keyOf).map((key) => [key, sinceOf(key)]))
      return missed
        .filter((version) => now - sinceOf(keyOf(version)) < graceMs)
        .map((version) => ({ ...version, manifest: manifestOf(version, found) }))
    },
  }
}

/** The one that its model has by now. */
function manifestOf({ model, manifest }: ModelVersion, found: readonly ModelVersion[]) {
  return found.find((other) => other.model === model)?.manifest ?? manifest
}

export function keyOf({ model, version }: ModelVersion): string {
  return `${model}/${version}`
}
