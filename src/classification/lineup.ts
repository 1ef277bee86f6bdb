// Makes what is served equal to what the repository holds: loads what is new beside what serves,
// moves traffic only to what is warm, and lets the old go when its last request is answered.
import { messageOf } from '../errors.ts'
import type { ModelVersion, Scan } from '../repository/repository.ts'
import type { ModelTable } from './model-table.ts'
import type { ServedModel } from './served-model.ts'

export interface LineupObserver {
  loaded(served: ServedModel, ms: number): void
  failed(model: string, version: number | null, message: string): void
  retired(served: ServedModel): void
}

export interface LineupOptions {
  readonly table: ModelTable
  /** Starts sessions for a version and resolves when they are warm. */
  readonly load: (version: ModelVersion) => Promise<ServedModel>
  readonly observe: LineupObserver
}

/** A version that is not served: on its way, or given up until its files change. */
export interface Absentee {
  readonly version: ModelVersion
  readonly state: 'loading' | 'failed' | 'unloading'
  readonly message?: string
}

export interface Lineup {
  /** Brings the service in line with `scan`; resolves when all of it is loaded or has failed. */
  reconcile(scan: Scan): Promise<void>
  absent(): readonly Absentee[]
  /** Ends everything: nothing is served afterwards. */
  close(): Promise<void>
}

export function createLineup({ table, load, observe }: LineupOptions): Lineup {
  const absentees = new Map<string, Absentee>()
  const retiring = new Set<Promise<void>>()
  let turn: Promise<void> = Promise.resolve()

  const serving = (key: string) => table.all().find((served) => keyOf(served.version) === key)

  async function bringIn(version: ModelVersion): Promise<void> {
    const key = keyOf(version)
    const before = absentees.get(key)
    const unchanged = before?.version.modifiedMs === version.modifiedMs
    if (serving(key) !== undefined || (before?.state === 'failed' && unchanged)) return
    const startedAt = performance.now()
    absentees.set(key, { version, state: 'loading' })
    try {
      const served = await load(version)
      absentees.delete(key)
      table.add(served)
      observe.loaded(served, performance.now() - startedAt)
    } catch (error) {
      const message = messageOf(error)
      absentees.set(key, { version, state: 'failed', message })
      observe.failed(version.model, version.version, message)
    }
  }

  function letGo(served: ServedModel): void {
    const key = keyOf(served.version)
    table.remove(served)
    absentees.set(key, { version: served.version, state: 'unloading' })
    const gone = served.retire().finally(() => {
      retiring.delete(gone)
      if (absentees.get(key)?.state === 'unloading') absentees.delete(key)
      observe.retired(served)
    })
    retiring.add(gone)
  }

  async function bringInLine(scan: Scan): Promise<void> {
    for (const { model, message } of scan.problems) observe.failed(model, null, message)
    const wanted = chooseVersions(scan.versions)
    const wantedKeys = new Set(wanted.map(keyOf))
    for (const [key, { state }] of absentees) {
      if (state === 'failed' && !wantedKeys.has(key)) absentees.delete(key)
    }
    await Promise.all(groupByModel(wanted).map((versions) => inTurn(versions, bringIn)))
    for (const served of table.all()) {
      if (!wantedKeys.has(keyOf(served.version)) && mayGo(served, scan, wanted)) letGo(served)
    }
  }

  /** A version makes room only once what replaces it serves, or when its files are gone. */
  function mayGo(served: ServedModel, scan: Scan, wanted: readonly ModelVersion[]): boolean {
    const { model } = served.version
    if (scan.problems.some((problem) => problem.model === model && problem.unread)) return false
    if (!scan.versions.some((version) => keyOf(version) === keyOf(served.version))) return true
    return wanted
      .filter((version) => version.model === model)
      .every((version) => serving(keyOf(version)) !== undefined)
  }

  return {
    reconcile(scan) {
      turn = turn.then(() => bringInLine(scan))
      return turn
    },
    absent: () => [...absentees.values()],
    async close() {
      await turn
      for (const served of table.all()) letGo(served)
      await Promise.all(retiring)
    },
  }
}

function keyOf({ model, version }: ModelVersion): string {
  return `${model}/${version}`
}

/** Of each model the highest version, and those that its manifest names by a label. */
function chooseVersions(versions: readonly ModelVersion[]): readonly ModelVersion[] {
  const highest = new Map<string, number>()
  for (const { model, version } of versions) {
    highest.set(model, Math.max(version, highest.get(model) ?? 0))
  }
  return versions.filter(
    ({ model, version, manifest }) =>
      version === highest.get(model) || Object.values(manifest.versions).includes(version),
  )
}

function groupByModel(versions: readonly ModelVersion[]): readonly (readonly ModelVersion[])[] {
  const models = [...new Set(versions.map(({ model }) => model))]
  return models.map((name) => versions.filter(({ model }) => model === name))
}

async function inTurn<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<void> {
  for (const item of items) await act(item)
}
