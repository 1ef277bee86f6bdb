// Makes what is served equal to what the repository holds: loads what is new or changed beside what
// serves, moves traffic only to what is warm, and lets the old go when its last request is answered.
import { messageOf } from '../errors.ts'
import { chooseVersions, standInsOf } from '../repository/choose-versions.ts'
import type { ModelVersion, RepositoryProblem, Scan } from '../repository/repository.ts'
import { type Absentee, createFailures, type Failures } from './load-failures.ts'
import { createMissedVersions, keyOf, type MissedVersions } from './missed-versions.ts'
import type { ModelTable } from './model-table.ts'
import type { ServedModel } from './served-model.ts'

export interface LineupObserver {
  loaded(served: ServedModel, ms: number): void
  failed(version: ModelVersion, message: string): void
  /** Something in the repository that was right before, or was not there. */
  problem(problem: RepositoryProblem): void
  /** How many problems there are now. */
  problems(count: number): void
  /** Of each model, whether all that was tried of what is wanted of it could be loaded. */
  loads(isWell: ReadonlyMap<string, boolean>): void
  /** @param isReplaced by other content under the same number */
  retired(served: ServedModel, isReplaced: boolean): void
}

export interface LineupOptions {
  readonly table: ModelTable
  /** Starts sessions for a version and resolves when they are warm. */
  readonly load: (version: ModelVersion) => Promise<ServedModel>
  /** Whether its files are still as they were found. */
  readonly isCurrent: (version: ModelVersion) => Promise<boolean>
  /** Versions that are loaded at the same time while nothing serves; one, while something does. */
  readonly loadsAtStart: number
  /** Milliseconds without a write after which a folder counts as complete, or as gone. */
  readonly settleMs: number
  readonly observe: LineupObserver
}

export interface Reconciled {
  /** Files were being written, or went a moment ago: it is worth looking again soon. */
  readonly unsettled: boolean
}

export interface Lineup {
  /**
   * Brings the service in line with `scan`; resolves when all of it is loaded or has failed. One at
   * a time.
   * @param insist tries again at once what failed to load before
   */
  reconcile(scan: Scan, insist?: boolean): Promise<Reconciled>
  absent(): readonly Absentee[]
  problems(): readonly RepositoryProblem[]
  /** Ends everything: nothing is served afterwards. */
  close(): Promise<void>
}

const stillWritten = 'its files are still being written'

export function createLineup(options: LineupOptions): Lineup {
  return new TableLineup(options)
}

class TableLineup implements Lineup {
  readonly #options: LineupOptions
  readonly #loading = new Map<string, Absentee>()
  readonly #leaving = new Map<ServedModel, Promise<void>>()
  readonly #failures: Failures = createFailures()
  readonly #missed: MissedVersions
  #problems: readonly RepositoryProblem[] = []
  #closed = false

  constructor(options: LineupOptions) {
    this.#options = options
    this.#missed = createMissedVersions(options.settleMs)
  }

  async reconcile(found: Scan, insist = false): Promise<Reconciled> {
    const { table } = this.#options
    if (isLostMount(found, table)) {
      this.#noteProblems([...found.problems, lostMount])
      return { unsettled: false }
    }
    const missed = this.#missed.among(table.all().map(versionOf), found.versions)
    const scan: Scan = { ...found, versions: [...found.versions, ...missed] }
    const wanted = chooseVersions(scan.versions)
    this.#noteProblems([...scan.problems, ...nothingChosen(scan, wanted)])
    this.#failures.keepOnly(new Set([...wanted, ...this.#standIns(scan, wanted)].map(keyOf)))
    this.#loading.clear() // of what was not settled; nothing loads between two turns
    const unsettled = await this.#bringAllIn(wanted, insist)
    const isCopied = await this.#bringStandInsIn(scan, wanted, insist)
    for (const { model, manifest } of found.versions) table.route(model, manifest)
    this.#letGo(found, wanted)
    this.#tellLoads()
    return { unsettled: unsettled || isCopied || missed.length > 0 }
  }

  absent(): readonly Absentee[] {
    const leaving = [...this.#leaving.keys()].map(
      ({ version }): Absentee => ({ version, state: 'unloading' }),
    )
    return [...this.#loading.values(), ...this.#failures.all(), ...leaving]
  }

  problems(): readonly RepositoryProblem[] {
    return this.#problems
  }

  async close(): Promise<void> {
    const { table } = this.#options
    this.#closed = true
    for (const served of table.all()) {
      table.remove(served)
      this.#retire(served)
    }
    await Promise.all(this.#leaving.values())
  }

  #serving(key: string): ServedModel | undefined {
    return this.#options.table.all().find((served) => keyOf(served.version) === key)
  }

  /** @returns whether something was not settled */
  async #bringAllIn(wanted: readonly ModelVersion[], insist: boolean): Promise<boolean> {
    const { table, settleMs, loadsAtStart } = this.#options
    const isStart = table.all().length === 0
    const due = wanted.filter((version) => {
      const key = keyOf(version)
      if (this.#serving(key)?.version.fingerprint === version.fingerprint) return false
      return insist || this.#failures.isDue(key, version)
    })
    const settled = due.filter((version) => isStart || isSettled(version, settleMs))
    for (const version of due.filter((each) => !settled.includes(each))) {
      this.#loading.set(keyOf(version), { version, state: 'loading', message: stillWritten })
    }
    const changed = await inTurns(settled, isStart ? loadsAtStart : 1, (version) =>
      this.#closed ? Promise.resolve(false) : this.#bringIn(version),
    )
    return settled.length < due.length || changed.includes(true)
  }

  /** What may stand in for models of which nothing that was chosen serves, best first. */
  #standIns({ versions }: Scan, wanted: readonly ModelVersion[]): readonly ModelVersion[] {
    return standInsOf(versions, wanted).filter(({ model }) =>
      wanted.every((other) => other.model !== model || this.#serving(keyOf(other)) === undefined),
    )
  }

  /** @returns whether something was not settled */
  async #bringStandInsIn(
    scan: Scan,
    wanted: readonly ModelVersion[],
    insist: boolean,
  ): Promise<boolean> {
    let unsettled = false
    const failed = new Set(this.#failures.all().map(({ version }) => keyOf(version)))
    const lost = (model: string) =>
      wanted.every((other) => other.model !== model || failed.has(keyOf(other)))
    for (const version of this.#standIns(scan, wanted).filter(({ model }) => lost(model))) {
      const isServed = this.#options.table.all().some((row) => row.version.model === version.model)
      if (!isServed) unsettled = (await this.#bringAllIn([version], insist)) || unsettled
    }
    return unsettled
  }

  #letGo(found: Scan, wanted: readonly ModelVersion[]): void {
    const { table } = this.#options
    const wantedKeys = new Set(wanted.map(keyOf))
    for (const served of table.all()) {
      if (wantedKeys.has(keyOf(served.version)) || !this.#mayGo(served, found, wanted)) continue
      table.remove(served)
      this.#retire(served)
    }
  }

  /** @returns whether its files changed meanwhile */
  async #bringIn(version: ModelVersion): Promise<boolean> {
    const { load, isCurrent, observe } = this.#options
    const key = keyOf(version)
    const startedAt = performance.now()
    this.#loading.set(key, { version, state: 'loading' })
    try {
      const served = await load(version)
      this.#failures.forget(key)
      this.#takeIn(served)
      observe.loaded(served, performance.now() - startedAt)
      return false
    } catch (error) {
      if (!(await isCurrent(version))) return true
      this.#failures.add(key, version, messageOf(error))
      observe.failed(version, messageOf(error))
      return false
    } finally {
      this.#loading.delete(key)
    }
  }

  #takeIn(served: ServedModel): void {
    const { table } = this.#options
    const before = this.#serving(keyOf(served.version))
    if (this.#closed) this.#retire(served)
    else if (before === undefined) table.add(served)
    else {
      table.replace(before, served)
      this.#retire(before)
    }
  }

  /** Ends what no request finds any more, once its last one is answered. */
  #retire(served: ServedModel): void {
    const gone = served.retire().finally(() => {
      this.#leaving.delete(served)
      const isReplaced = this.#serving(keyOf(served.version)) !== undefined
      this.#options.observe.retired(served, isReplaced)
    })
    this.#leaving.set(served, gone)
  }

  #tellLoads(): void {
    const { table, observe } = this.#options
    const isWell = new Map(table.all().map(({ version }) => [version.model, true]))
    for (const { version } of this.#failures.all()) isWell.set(version.model, false)
    observe.loads(isWell)
  }

  #noteProblems(found: readonly RepositoryProblem[]): void {
    const { observe } = this.#options
    const known = new Set(this.#problems.map(problemKey))
    for (const problem of found) if (!known.has(problemKey(problem))) observe.problem(problem)
    this.#problems = found
    observe.problems(found.length)
  }

  /** A version makes room once what replaces it serves; files that are gone hurry that up. */
  #mayGo(served: ServedModel, scan: Scan, wanted: readonly ModelVersion[]): boolean {
    const { model } = served.version
    if (this.#problems.some((problem) => problem.model === model && problem.unread)) return false
    const heirs = wanted.filter((version) => version.model === model)
    const serves = (version: ModelVersion) => this.#serving(keyOf(version)) !== undefined
    if (heirs.every(serves)) return true // also where the model is gone
    const isThere = scan.versions.some((version) => keyOf(version) === keyOf(served.version))
    return !isThere && heirs.some(serves)
  }
}

function versionOf({ version }: ServedModel): ModelVersion {
  return version
}

function problemKey({ model, version, message }: RepositoryProblem): string {
  return JSON.stringify([model, version, message])
}

/** A clock of a file server may be a little ahead; files from a far future are just wrong. */
const maxAheadMs = 60_000

function isSettled({ writtenMs }: ModelVersion, settleMs: number): boolean {
  const ageMs = Date.now() - writtenMs
  return ageMs >= settleMs || ageMs < -maxAheadMs
}

/** A volume that is not mounted (any more) is an empty folder: no reason to stop answering. */
function isLostMount(scan: Scan, table: ModelTable): boolean {
  const hasModels = scan.versions.length > 0 || scan.problems.some(({ unread }) => unread)
  return !hasModels && table.all().length > 0
}

const lostMount: RepositoryProblem = {
  model: '',
  version: null,
  unread: true,
  message: 'the repository holds no model any more; what is loaded goes on serving',
}

function nothingChosen(scan: Scan, wanted: readonly ModelVersion[]): RepositoryProblem[] {
  const models = new Set(scan.versions.map(({ model }) => model))
  for (const { model } of wanted) models.delete(model)
  return [...models].map((model) => {
    const there = scan.versions.filter((version) => version.model === model)
    const found = there.map(({ version }) => version).join(', ')
    const message = `${model}/model.json chooses versions of which none is there; there are ${found}`
    return { model, version: null, unread: true, message }
  })
}

/** Acts on all items in their order, on `width` of them at the same time. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  width: number,
  act: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  const rest = items.entries()
  const worker = async () => {
    for (const [index, item] of rest) results[index] = await act(item)
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return results
}
