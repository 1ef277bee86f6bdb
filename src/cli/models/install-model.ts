// Puts a model into the repository so that nobody ever sees half of it: it is written under a name
// that no scan looks at, then renamed.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { removeAbandoned } from '../../engines/remove-abandoned.ts'
import { UsageError } from '../../errors.ts'
import type { Graph } from '../../graph/graph.ts'
import { defaultManifest, type Manifest, parseManifest } from '../../repository/manifest.ts'
import { modelName } from '../../repository/scan.ts'
import { writeSavedModel } from '../../savedmodel/write-saved-model.ts'

export interface NewModel {
  /** The repository's folder; made where it is missing. */
  readonly repository: string
  readonly name: string
  /** null takes 1, or the next after the highest that is there. */
  readonly version: number | null
  /** Whether all that the repository holds under this name makes way. */
  readonly replace: boolean
  readonly graph: Graph
  readonly manifest: Pick<Manifest, 'labels' | 'weights' | 'preprocess'>
  /** Files beside the manifest, by name. */
  readonly files: Readonly<Record<string, string>>
}

const hint = 'choose another name with --as, or --replace the model'

/**
 * Writes the model.
 * @returns the version's folder
 * @throws UsageError where the version is there already, or is of another kind of weights than the
 * one manifest of the model says
 */
export async function installModel(model: NewModel): Promise<string> {
  const { repository, name, replace } = model
  if (!modelName.test(name)) {
    const allowed = 'letters, digits, dot, underscore and hyphen, a letter or digit first'
    throw new UsageError(`${JSON.stringify(name)} cannot name a model: it may hold ${allowed}`)
  }
  await mkdir(repository, { recursive: true })
  // What builds that were interrupted left.
  await removeAbandoned(repository, `.${name}.`)
  const folder = resolve(repository, name)
  const versions = await versionsIn(folder)
  const version = model.version ?? Math.max(0, ...versions) + 1
  if (!replace && (await exists(folder))) {
    if (versions.length > 0) await checkAddition(model, folder, { versions, version })
    await writeSavedModel(join(folder, String(version)), model.graph)
    await writeManifest(folder, model, await readManifest(folder, name))
  } else {
    await installWhole(model, folder, version)
  }
  return join(folder, String(version))
}

async function installWhole(model: NewModel, folder: string, version: number): Promise<void> {
  const temporary = join(model.repository, `.${model.name}.${randomUUID()}`)
  const old = `${temporary}.old`
  try {
    await mkdir(temporary)
    await writeSavedModel(join(temporary, String(version)), model.graph)
    await writeManifest(temporary, model, null)
    if (model.replace) await rename(folder, old).catch(ignoreMissing)
    await rename(temporary, folder).catch(async (error: NodeJS.ErrnoException) => {
      await rename(old, folder).catch(ignoreMissing)
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
      throw new UsageError(
        `${folder} was written by somebody else meanwhile: look at it, then ${hint}`,
      )
    })
  } finally {
    await rm(temporary, { recursive: true, force: true })
    await rm(old, { recursive: true, force: true })
  }
}

interface Addition {
  readonly versions: readonly number[]
  readonly version: number
}

/** The manifest speaks for all versions of a model, so a version it would lie about is refused. */
async function checkAddition(
  { name, manifest }: NewModel,
  folder: string,
  { versions, version }: Addition,
): Promise<void> {
  if (versions.includes(version)) {
    throw new UsageError(`${folder} holds version ${version} already: choose another, or ${hint}`)
  }
  const { weights } = (await readManifest(folder, name)) ?? { weights: { kind: 'custom' } }
  if (weights.kind !== manifest.weights.kind) {
    throw new UsageError(
      `${folder} holds ${weights.kind} weights, and its model.json speaks for all versions: ` +
        `${manifest.weights.kind} ones cannot join it; ${hint}`,
    )
  }
}

/** The version numbers of a model that the repository holds; none where it is not there. */
export async function versionsIn(folder: string): Promise<readonly number[]> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    ignoreMissing(error)
    return []
  })
  return names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number)
}

/** A model's manifest, or null where it has none. */
export async function readManifest(folder: string, name: string): Promise<Manifest | null> {
  try {
    return parseManifest(await readFile(join(folder, 'model.json'), 'utf8'), name)
  } catch (error) {
    ignoreMissing(error)
    return null
  }
}

async function writeManifest(
  folder: string,
  { manifest, files }: NewModel,
  before: Manifest | null,
): Promise<void> {
  const content = { ...manifest, ...(before !== null && routingOf(before)) }
  const text = `${JSON.stringify(content, null, 2)}\n`
  for (const [name, data] of Object.entries({ ...files, 'model.json': text })) {
    const temporary = join(folder, `.${name}.${randomUUID()}`)
    await writeFile(temporary, data)
    await rename(temporary, join(folder, name))
  }
}

/** What the operator said of versions outlives a new one. */
function routingOf({ versions, versionPolicy, traffic, shadow, ...manifest }: Manifest) {
  const changed = (name: 'versionPolicy' | 'traffic', value: object) =>
    isDeepStrictEqual(value, defaultManifest[name]) ? {} : { [name]: value }
  return {
    versions,
    ...changed('versionPolicy', versionPolicy),
    ...changed('traffic', traffic),
    ...(manifest.default !== null && { default: manifest.default }),
    ...(shadow !== null && { shadow }),
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
