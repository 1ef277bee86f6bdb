// Reads the model repository from disk: folders, version numbers, manifests, label files.
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { ModelError, messageOf } from '../errors.ts'
import { listFiles } from './files.ts'
import { builtInLabels, defaultManifest, type Manifest, parseManifest } from './manifest.ts'
import type { ModelVersion, RepositoryProblem, Scan } from './repository.ts'

/** Names that stand in a URL and in a metric's label unchanged. */
export const modelName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
/** TensorFlow's own exporters name versions by the time, in seconds or finer; all fit a number exactly. */
const versionName = /^[1-9]\d{0,14}$/

/** Every ext4 volume has this folder at its top. */
const recoveryFolder = 'lost+found'

/** A folder in which versions come and go faster than this is taken as it was seen last. */
const maxLooks = 5

/** A manifest or label file is text by hand; more than this is a mistake. */
const maxTextBytes = 4 * 1024 * 1024

/**
 * Every model and version under `root`.
 * @param only model names to look at; empty looks at all
 * @throws ModelError missing, when `root` is not a folder that can be read
 */
export async function scanRepository(root: string, only: readonly string[] = []): Promise<Scan> {
  const names = await listModels(root)
  const versions: ModelVersion[] = []
  const problems: RepositoryProblem[] = []
  for (const model of only.length > 0 ? only : names) {
    try {
      if (!names.includes(model)) throw new ModelError('missing', notFound(model, names))
      versions.push(...(await scanModel(root, model, problems)))
    } catch (error) {
      const unread = !(error instanceof ModelError && error.kind === 'missing')
      problems.push({ model, version: null, unread, message: messageOf(error) })
    }
  }
  return { versions, problems }
}

async function listModels(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true })
    return entries
      .filter((entry) => !entry.isFile() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .filter((name) => name !== recoveryFolder)
      .sort()
  } catch (error) {
    throw new ModelError('missing', `model repository ${root}: ${messageOf(error)}`)
  }
}

function notFound(model: string, names: readonly string[]): string {
  return `model ${model} is not in the repository; it holds ${names.join(', ') || 'no model'}`
}

async function scanModel(
  root: string,
  model: string,
  problems: RepositoryProblem[],
): Promise<ModelVersion[]> {
  if (!modelName.test(model)) {
    const allowed =
      'letters, digits, dot, underscore and hyphen, at most 100, a letter or digit first'
    throw new ModelError(
      'unsupported',
      `model folder ${JSON.stringify(model)}: names may hold ${allowed}`,
    )
  }
  const folder = resolve(root, model)
  for (let look = 1; ; look++) {
    const numbers = await listVersions(folder, model)
    const found = await scanVersions(folder, model, numbers)
    // Who puts one version in place of another must not be met between the two steps: the version
    // that came after the list was made would be missing, and one long superseded would be served.
    const isSteady = isSame(numbers, await listVersions(folder, model))
    if (!isSteady && look < maxLooks) continue
    problems.push(...found.problems)
    return found.versions
  }
}

/** From the highest. */
async function listVersions(folder: string, model: string): Promise<readonly number[]> {
  const numbers = (await readdir(folder)).filter((name) => versionName.test(name)).map(Number)
  if (numbers.length === 0) {
    throw new ModelError('missing', `model ${model} has no version folder (1, 2, …)`)
  }
  return numbers.sort((a, b) => b - a)
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((number, index) => number === other[index])
}

async function scanVersions(
  folder: string,
  model: string,
  numbers: readonly number[],
): Promise<{ versions: ModelVersion[]; problems: RepositoryProblem[] }> {
  const manifest = await readManifest(folder, model)
  const labels = await readLabels(folder, model, manifest)
  const versions: ModelVersion[] = []
  const problems: RepositoryProblem[] = []
  for (const version of numbers) {
    const versionFolder = join(folder, String(version))
    const found = await listFiles(versionFolder)
    if (found !== null) {
      const { exact: files, portable, writtenMs } = found
      const depends = [labels, answering(manifest)]
      const fingerprint = hashOf([files, depends])
      const identity = hashOf([portable, depends])
      const seen = { fingerprint, identity, files, writtenMs }
      versions.push({ model, version, folder: versionFolder, manifest, labels, ...seen })
    } else {
      const message = `${model}/${version} holds no saved_model.pb`
      problems.push({ model, version, unread: false, message })
    }
  }
  return { versions, problems }
}

/** The manifest without what only says who is asked. */
function answering({ preprocess, output, weights }: Manifest) {
  return { preprocess, output, weights }
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url')
}

async function readManifest(folder: string, model: string): Promise<Manifest> {
  const text = await readText(join(folder, 'model.json'), `${model}/model.json`)
  return text === null ? defaultManifest : parseManifest(text, model)
}

async function readLabels(
  folder: string,
  model: string,
  manifest: Manifest,
): Promise<readonly string[] | null> {
  if (manifest.labels === builtInLabels) return null
  const path = resolve(folder, manifest.labels)
  if (!path.startsWith(folder + sep)) {
    const what = `labels ${JSON.stringify(manifest.labels)}`
    throw new ModelError('corrupt', `${model}/model.json: ${what} lead outside the model's folder`)
  }
  const text = await readText(path, `${model}/${manifest.labels}`)
  if (text === null) {
    throw new ModelError(
      'corrupt',
      `${model}/model.json names labels ${manifest.labels}, which is not there`,
    )
  }
  return text.replace(/\r?\n$/, '').split(/\r?\n/)
}

/** A small text file, or `null` where there is none. */
async function readText(path: string, shown: string): Promise<string | null> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (found === null) return null
  const { size } = found
  // A pipe or a device would be read for ever.
  if (!found.isFile()) throw new ModelError('corrupt', `${shown} is not a file`)
  if (size > maxTextBytes) {
    throw new ModelError(
      'corrupt',
      `${shown} has ${size} bytes, at most ${maxTextBytes} are allowed`,
    )
  }
  // Editors on Windows begin a text with a byte order mark, which is no part of it.
  return (await readFile(path, 'utf8')).replace(/^\uFEFF/, '')
}
