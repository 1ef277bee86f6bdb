// Which of the versions that are there are to be served: the policy's, and those that a label, a
// share of the traffic or a shadow names.
import type { Manifest } from './manifest.ts'
import type { ModelVersion } from './repository.ts'

/** In the order of `versions`. */
export function chooseVersions(versions: readonly ModelVersion[]): readonly ModelVersion[] {
  return versions.filter((version) => {
    const { model, manifest } = version
    const numbers = versions.filter((other) => other.model === model).map(numberOf)
    return isPolicys(version, numbers) || isNamed(manifest, version.version) || isShadow(version)
  })

  function isShadow({ model, manifest, version }: ModelVersion): boolean {
    return versions.some(({ model: answering, manifest: { shadow } }) => {
      if (shadow === null || (shadow.model ?? answering) !== model) return false
      return shadow.version !== undefined && versionOf(manifest, shadow.version) === version
    })
  }
}

/**
 * What may be served in place of chosen versions that turn out to be broken, from the highest: where
 * the latest were meant, the next best are.
 */
export function standInsOf(
  versions: readonly ModelVersion[],
  chosen: readonly ModelVersion[],
): readonly ModelVersion[] {
  return versions
    .filter((version) => 'latest' in version.manifest.versionPolicy && !chosen.includes(version))
    .toSorted((a, b) => b.version - a.version)
}

/** A version by number or label; NaN where there is no such label. */
export function versionOf({ versions }: Pick<Manifest, 'versions'>, name: string | number): number {
  return Object.hasOwn(versions, name) ? (versions[name] as number) : Number(name)
}

function numberOf({ version }: ModelVersion): number {
  return version
}

function isPolicys({ version, manifest }: ModelVersion, numbers: readonly number[]): boolean {
  const policy = manifest.versionPolicy
  if ('all' in policy) return true
  if ('specific' in policy) return policy.specific.versions.includes(version)
  // A version on trial takes nobody's place: what it is tried against goes on serving.
  const onTrial = Object.keys(manifest.traffic).map((name) => versionOf(manifest, name))
  const settled = numbers.filter((number) => !onTrial.includes(number))
  const latest = settled.toSorted((a, b) => b - a).slice(0, policy.latest.numVersions)
  return latest.includes(version)
}

function isNamed(manifest: Manifest, version: number): boolean {
  const { versions, traffic, default: byDefault } = manifest
  const named = [...Object.keys(versions), ...Object.keys(traffic), byDefault ?? '']
  return named.some((name) => versionOf(manifest, name) === version)
}
