// What is served right now: model name -> versions, and which one a request means.
import { ServiceError } from '../errors.ts'
import { defaultManifest } from '../repository/manifest.ts'
import { chooseDefault } from './default-model.ts'
import { type Routing, type RoutingManifest, routingOf, shareOf } from './routing.ts'
import type { ServedModel } from './served-model.ts'
import type { Target } from './types.ts'

export interface ModelTable {
  /** Every served version, models by name, versions from the highest. */
  all(): readonly ServedModel[]
  /** What its manifest says of versions holds from the same moment: a canary must not be default. */
  add(served: ServedModel): void
  /** `served` takes the place of `before`: no request finds both, or neither. */
  replace(before: ServedModel, served: ServedModel): void
  /** From now on no new request finds it. */
  remove(served: ServedModel): void
  /** What the model's manifest says of its versions now. */
  route(model: string, manifest: RoutingManifest): void
  /** @throws ServiceError model_not_found, version_not_found */
  resolve(target: Target): ServedModel
  /** The model that answers requests which name none. It may not be served. */
  defaultModel(): string
  /** The version that answers requests which name none, but for those that are split off. */
  isDefaultVersion(served: ServedModel): boolean
  /** Its names, e.g. `stable`. */
  labelsOf(served: ServedModel): readonly string[]
  /** Percent of the requests which name no version, 0…100. */
  trafficOf(served: ServedModel): number
  /** What sees the images of `model` too, where that serves. */
  shadowOf(model: string): Shadow | undefined
}

export interface Shadow {
  readonly served: ServedModel
  readonly percent: number
}

/** @param defaultModel DEFAULT_MODEL; empty takes the usual one, or the only one there is */
export function createModelTable(defaultModel: string): ModelTable {
  return new RowTable(defaultModel)
}

class RowTable implements ModelTable {
  readonly #configured: string
  #chosen: string | undefined
  readonly #routings = new Map<string, Routing>()
  #rows: readonly ServedModel[] = []
  /** Found once: every request asks for it, and it changes with rows and routings only. */
  readonly #defaults = new Map<string, ServedModel | undefined>()

  constructor(defaultModel: string) {
    this.#configured = defaultModel
  }

  all(): readonly ServedModel[] {
    return this.#rows
  }

  add(served: ServedModel): void {
    const { model, manifest } = served.version
    const present = this.#defaultOf(model)
    this.#put([...this.#rows, served])
    this.#routeFrom(present, model, manifest)
  }

  replace(before: ServedModel, served: ServedModel): void {
    this.#put([...this.#rows.filter((row) => row !== before), served])
  }

  remove(served: ServedModel): void {
    this.#put(this.#rows.filter((row) => row !== served))
  }

  route(model: string, manifest: RoutingManifest): void {
    this.#routeFrom(this.#defaultOf(model), model, manifest)
  }

  defaultModel(): string {
    // Once chosen it stays while it is served: a second model that comes must not take its requests.
    if (this.#chosen === undefined || this.#defaultOf(this.#chosen) === undefined) {
      this.#chosen = chooseDefault(
        this.#configured,
        this.#rows.map(({ version }) => version.model),
      )
    }
    return this.#chosen
  }

  resolve({ model: named, version, key }: Target): ServedModel {
    const model = named ?? this.defaultModel()
    const found =
      version === undefined
        ? this.#anyOf(model, key)
        : this.#find(model, this.#numberOf(model, version))
    if (found !== undefined) return found
    const numbers = this.#numbersOf(model)
    if (numbers.length === 0)
      throw modelNotFound({ model, isNamed: named !== undefined }, this.#rows)
    const labels = [...this.#routed(model).labels].filter(([, number]) => numbers.includes(number))
    throw versionNotFound(model, version ?? '', [...numbers, ...labels.map(([label]) => label)])
  }

  isDefaultVersion(served: ServedModel): boolean {
    return this.#defaultOf(served.version.model) === served
  }

  labelsOf({ version: { model, version } }: ServedModel): readonly string[] {
    const { labels } = this.#routed(model)
    return [...labels].filter(([, number]) => number === version).map(([label]) => label)
  }

  trafficOf(served: ServedModel): number {
    const { model, version } = served.version
    const shares = this.#routed(model).traffic.filter((share) => this.#find(model, share.version))
    const own = shares.filter((share) => share.version === version)
    const rest = this.isDefaultVersion(served) ? wholePercent - sumOf(shares) : 0
    return sumOf(own) + rest
  }

  shadowOf(model: string): Shadow | undefined {
    const { shadow } = this.#routed(model)
    if (shadow === null) return undefined
    const other = shadow.model ?? model
    const served =
      shadow.version === undefined
        ? this.#defaultOf(other)
        : this.#find(other, this.#numberOf(other, String(shadow.version)))
    return served === undefined ? undefined : { served, percent: shadow.percent }
  }

  #put(rows: readonly ServedModel[]): void {
    this.#rows = rows.toSorted(
      (a, b) =>
        a.version.model.localeCompare(b.version.model) || b.version.version - a.version.version,
    )
    this.#defaults.clear()
    for (const model of this.#routings.keys()) {
      if (this.#versionsOf(model).length === 0) this.#routings.delete(model)
    }
  }

  #routeFrom(present: ServedModel | undefined, model: string, manifest: RoutingManifest): void {
    const labels = this.#routings.get(model)?.labels
    const before = { labels, byDefault: present?.version.version }
    this.#routings.set(model, routingOf(manifest, this.#numbersOf(model), before))
    this.#defaults.clear()
  }

  #versionsOf(model: string): readonly ServedModel[] {
    return this.#rows.filter((row) => row.version.model === model)
  }

  #numbersOf(model: string): readonly number[] {
    return this.#versionsOf(model).map((row) => row.version.version)
  }

  #find(model: string, number: number | undefined): ServedModel | undefined {
    return this.#versionsOf(model).find((row) => row.version.version === number)
  }

  #routed(model: string): Routing {
    return this.#routings.get(model) ?? routingOf(defaultManifest, [])
  }

  #numberOf(model: string, name: string): number | undefined {
    return this.#routed(model).labels.get(name) ?? (/^\d+$/.test(name) ? Number(name) : undefined)
  }

  #defaultOf(model: string): ServedModel | undefined {
    if (!this.#defaults.has(model)) {
      if (this.#versionsOf(model).length === 0) return undefined // a name of a client's is not kept
      this.#defaults.set(model, this.#findDefault(model))
    }
    return this.#defaults.get(model)
  }

  /** What the manifest says, else the highest that is not on trial. */
  #findDefault(model: string): ServedModel | undefined {
    const { byDefault, traffic } = this.#routed(model)
    const onTrial = new Set(traffic.map(({ version }) => version))
    const versions = this.#versionsOf(model)
    return (
      this.#find(model, byDefault) ??
      versions.find((row) => !onTrial.has(row.version.version)) ??
      versions[0]
    )
  }

  #anyOf(model: string, key: string | undefined): ServedModel | undefined {
    const routing = this.#routings.get(model)
    if (key === undefined || routing === undefined || routing.traffic.length === 0) {
      return this.#defaultOf(model)
    }
    return this.#find(model, shareOf(routing, `${model} ${key}`)) ?? this.#defaultOf(model)
  }
}

const wholePercent = 100

function sumOf(shares: readonly { readonly percent: number }[]): number {
  return shares.reduce((sum, { percent }) => sum + percent, 0)
}

/** Longest piece of a client's text that an error repeats. */
const maxEcho = 100

function modelNotFound(
  { model, isNamed }: { readonly model: string; readonly isNamed: boolean },
  rows: readonly ServedModel[],
): ServiceError {
  const served = [...new Set(rows.map((row) => row.version.model))].join(', ') || 'none'
  const found = JSON.stringify(model.slice(0, maxEcho))
  const message = isNamed
    ? `no model ${found}; served are: ${served}`
    : `the request names no model, and the default, ${found}, is not served; name one of: ${served}`
  return new ServiceError('model_not_found', message)
}

function versionNotFound(
  model: string,
  version: string,
  served: readonly (number | string)[],
): ServiceError {
  const found = JSON.stringify(version.slice(0, maxEcho))
  return new ServiceError(
    'version_not_found',
    `${model} has no version ${found}; served are: ${served.join(', ')}`,
  )
}
