// What is served right now: model name -> versions, and which one a request means.
import { ServiceError } from '../errors.ts'
import type { ServedModel } from './served-model.ts'
import type { Target } from './types.ts'

export interface ModelTable {
  /** Every served version, models by name, versions from the highest. */
  all(): readonly ServedModel[]
  add(served: ServedModel): void
  /** From now on no new request finds it. */
  remove(served: ServedModel): void
  /** @throws ServiceError model_not_found, version_not_found */
  resolve(target: Target): ServedModel
  /** The version that answers requests which name none. */
  isDefaultVersion(served: ServedModel): boolean
}

export function createModelTable(defaultModel: string): ModelTable {
  let rows: readonly ServedModel[] = []

  const versionsOf = (model: string) => rows.filter((row) => row.version.model === model)

  return {
    all: () => rows,
    add(served) {
      rows = [...rows, served].sort(
        (a, b) =>
          a.version.model.localeCompare(b.version.model) || b.version.version - a.version.version,
      )
    },
    remove(served) {
      rows = rows.filter((row) => row !== served)
    },
    resolve({ model = defaultModel, version }) {
      const versions = versionsOf(model)
      const [highest] = versions
      if (highest === undefined) throw modelNotFound(model, rows)
      if (version === undefined) return highest
      const number = highest.version.manifest.versions[version] ?? Number(version)
      const found = versions.find((row) => row.version.version === number)
      if (found === undefined) throw versionNotFound(model, version, versions)
      return found
    },
    isDefaultVersion: (served) => versionsOf(served.version.model)[0] === served,
  }
}

/** Longest piece of a client's text that an error repeats. */
const maxEcho = 100

function modelNotFound(model: string, rows: readonly ServedModel[]): ServiceError {
  const names = [...new Set(rows.map((row) => row.version.model))].join(', ')
  const found = JSON.stringify(model.slice(0, maxEcho))
  return new ServiceError('model_not_found', `no model ${found}; served are: ${names || 'none'}`)
}

function versionNotFound(
  model: string,
  version: string,
  versions: readonly ServedModel[],
): ServiceError {
  const numbers = versions.map((row) => row.version.version)
  const labels = Object.entries(versions[0]?.version.manifest.versions ?? {})
    .filter(([, number]) => numbers.includes(number))
    .map(([label]) => label)
  const found = JSON.stringify(version.slice(0, maxEcho))
  return new ServiceError(
    'version_not_found',
    `${model} has no version ${found}; served are: ${[...numbers, ...labels].join(', ')}`,
  )
}
