// What a manifest says of a model's versions, as far as they are served: their names, who gets
// which share of the requests, and what sees the images too.
import { createHash } from 'node:crypto'
import { versionOf } from '../repository/choose-versions.ts'
import type { Manifest } from '../repository/manifest.ts'

export type RoutingManifest = Pick<Manifest, 'versions' | 'default' | 'traffic' | 'shadow'>

export interface Routing {
  readonly labels: ReadonlyMap<string, number>
  /** The version that answers where none is named; `undefined` is the highest. */
  readonly byDefault: number | undefined
  readonly traffic: readonly { readonly version: number; readonly percent: number }[]
  readonly shadow: Manifest['shadow']
}

/** What held until now. */
export interface RoutingBefore {
  readonly labels: Routing['labels'] | undefined
  /** The version that answered where none was named. */
  readonly byDefault: number | undefined
}

/**
 * @param served numbers of the versions that serve
 * @param before a label, and the default, whose new version does not serve (it failed to load, or
 * has not been loaded yet) stays where it is
 */
export function routingOf(
  manifest: RoutingManifest,
  served: readonly number[],
  before?: RoutingBefore,
): Routing {
  const labels = Object.entries(manifest.versions).map(([label, wanted]): [string, number] => {
    const known = before?.labels?.get(label)
    const stays = !served.includes(wanted) && known !== undefined && served.includes(known)
    return [label, stays ? known : wanted]
  })
  const versions = Object.fromEntries(labels)
  const traffic = Object.entries(manifest.traffic).map(([name, percent]) => {
    return { version: versionOf({ versions }, name), percent }
  })
  const byDefault = defaultOf({ ...manifest, versions }, served, before?.byDefault)
  return { labels: new Map(labels), byDefault, traffic, shadow: manifest.shadow }
}

function defaultOf(
  { default: name, versions }: RoutingManifest,
  served: readonly number[],
  present: number | undefined,
): number | undefined {
  if (name === null) return undefined
  const wanted = versionOf({ versions }, name)
  const stays = !served.includes(wanted) && present !== undefined && served.includes(present)
  return stays ? present : wanted
}

/** The version whose share `key` falls into, or `undefined` for the rest, the default version's. */
export function shareOf({ traffic }: Routing, key: string): number | undefined {
  if (traffic.length === 0) return undefined
  let rest = percentOf(key)
  for (const { version, percent } of traffic) {
    if (rest < percent) return version
    rest -= percent
  }
  return undefined
}

const wholePercent = 100
const numbers = 2 ** 32

/** A number of 0…100, evenly spread and always the same for one text. */
export function percentOf(text: string): number {
  const hash = createHash('sha256').update(text).digest()
  return (hash.readUInt32BE(0) / numbers) * wholePercent
}
