// Everything http/ and its dialects call, in one object: the use case, the models and their states.
import { ServiceError } from '../errors.ts'
import type { PreprocessManifest } from '../repository/manifest.ts'
import type { ModelVersion } from '../repository/repository.ts'
import { type ClassifierOptions, createClassifier } from './classifier.ts'
import type { Lineup } from './lineup.ts'
import type { Absentee } from './load-failures.ts'
import type { ModelTable } from './model-table.ts'
import { recipeOf } from './recipe.ts'
import type { ServedModel } from './served-model.ts'
import type { Classifier, ModelState, Target } from './types.ts'

export interface ClassificationServiceOptions extends Omit<ClassifierOptions, 'assertOpen'> {
  readonly lineup: Lineup
  /** True from SIGTERM on: readiness says so, requests are still answered. */
  readonly leaving: () => boolean
  /** True once nothing new is accepted. */
  readonly closing: () => boolean
}

export function createClassificationService(options: ClassificationServiceOptions): Classifier {
  const { table, lineup, leaving, closing } = options

  function assertOpen(): void {
    if (closing()) throw new ServiceError('draining', 'the service is shutting down', retrySoon)
    if (table.all().length === 0) {
      throw new ServiceError('not_ready', 'no model is ready yet', retrySoon)
    }
  }

  const isComplete = createReadiness(table, lineup)
  const classifier = createClassifier({ ...options, assertOpen })
  return {
    ...classifier,
    models: () => [
      ...table.all().map((served) => servedState(served, table)),
      ...lineup.absent().map(absentState),
    ],
    state: (target) => servedState(table.resolve(target), table),
    statistics: () =>
      table.all().map(({ version: { model, version }, statistics }) => ({
        model,
        version: String(version),
        ...statistics.read(),
      })),
    identify: (targets) => identify(targets, table),
    problems: () =>
      lineup.problems().map(({ model, version, message }) => ({
        model,
        version: version === null ? null : String(version),
        message,
      })),
    labels: (target) => table.resolve(target).labels,
    ready: () => !leaving() && isComplete(),
  }
}

/** A start or a stop takes seconds, not minutes. */
const retrySoon = { retryAfterS: 5 }

/**
 * Ready: every model has a version that answers, and that version has a session alive. Once that was
 * so, a model that comes and fails, or goes, takes nothing from those that serve: the service stays
 * ready, or one broken copy in a shared repository would take all instances from behind their proxy.
 */
function createReadiness(table: ModelTable, lineup: Lineup): () => boolean {
  let wasComplete = false
  return () => {
    const served = table.all()
    const answering = new Set(served.map(({ version }) => version.model))
    if (served.length === 0) return false
    wasComplete ||= lineup.absent().every(({ version }) => answering.has(version.model))
    return wasComplete && served.every(hasSession)
  }
}

function hasSession({ pool }: ServedModel): boolean {
  return pool.ready
}

function identify(targets: readonly Target[], table: ModelTable): readonly string[] | undefined {
  try {
    return targets.map((target) => table.resolve(target).identity)
  } catch {
    return undefined
  }
}

function servedState(served: ServedModel, table: ModelTable): ModelState {
  const { version, pool, options, recipe } = served
  const { input, output, engine, engineVersion, device, precision } = pool.description
  return {
    ...named(version),
    labels: table.labelsOf(served),
    traffic: table.trafficOf(served),
    state: hasSession(served) ? 'ready' : 'failed',
    served: table.isDefaultVersion(served),
    default: table.isDefaultVersion(served) && version.model === table.defaultModel(),
    preprocess: { ...shownPreprocess(version.manifest.preprocess), ...cropOf(recipe) },
    input: { name: input.name, dtype: input.dtype, shape: [-1, input.height, input.width, 3] },
    output,
    engine: {
      name: engine,
      version: engineVersion,
      device,
      precision,
      threads: options.threadsPerSession,
      refused: pool.refused,
    },
    sessions: pool.counts,
    queueDepth: served.queueDepth,
    maxBatchSize: options.maxBatchSize,
    maxQueueSize: options.maxQueueSize,
  }
}

function absentState({ version, state, message }: Absentee): ModelState {
  const { preprocess } = version.manifest
  const side = preprocess.cropSize ?? usualSide
  return {
    ...named(version),
    state,
    ...(message === undefined ? {} : { message }),
    served: false,
    default: false,
    labels: [],
    traffic: 0,
    preprocess: {
      ...shownPreprocess(preprocess),
      ...cropOf(recipeOf(preprocess, { height: side, width: side })),
    },
    sessions: { starting: 0, idle: 0, busy: 0 },
    queueDepth: 0,
    maxBatchSize: 0,
    maxQueueSize: 0,
  }
}

/** Until a model is loaded its input size is unknown; ImageNet's is shown. */
const usualSide = 224

function named({ model, version, manifest }: ModelVersion) {
  return { model, version: String(version), weights: manifest.weights }
}

function shownPreprocess({ interpolation, rescale, mean, std }: PreprocessManifest) {
  return { interpolation, rescale, mean, std }
}

function cropOf({ resizeShortSide, cropSize }: ReturnType<typeof recipeOf>) {
  return { resizeShortSide, cropSize }
}
