// What the rooms report while they work, turned into metrics and log lines: app.ts hands these out.
import type { Logger } from 'pino'
import type { ClassificationObserver } from './classification/classifier.ts'
import type { LineupObserver } from './classification/lineup.ts'
import type { ModelTable } from './classification/model-table.ts'
import type { ServedModel } from './classification/served-model.ts'
import { ServiceError } from './errors.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { ModelVersion } from './repository/repository.ts'
import type { SessionObserver } from './sessions/session-pool.ts'
import type { TracedStage, Tracing } from './tracing/tracing.ts'

export function sessionObserver(
  { model }: ModelVersion,
  counted: ReturnType<Metrics['sessions']>,
  log: Logger,
): SessionObserver {
  return {
    state: counted.state,
    died(session, reason, detail) {
      counted.died(session, reason)
      log.warn({ model, session, reason, detail }, 'a session ended and is replaced')
    },
  }
}

export function lineupObserver(metrics: Metrics, log: Logger): LineupObserver {
  const { models } = metrics
  return {
    loaded(served, ms) {
      metrics.modelInfo.served(modelInfo(served))
      models.loaded(namesOf(served.version), ms)
      const { refused } = served.pool
      log.info({ ...modelInfo(served), refused, loadMs: Math.round(ms) }, 'model ready')
    },
    failed(version, message) {
      models.failed(namesOf(version))
      log.error(namesOf(version), message)
    },
    problem: ({ model, version, message }) => log.error({ model, version }, message),
    problems: models.problems,
    loads: models.loads,
    retired(served, isReplaced) {
      metrics.modelInfo.removed(modelInfo(served))
      if (!isReplaced) metrics.forget(namesOf(served.version))
      log.info(namesOf(served.version), 'model retired')
    },
  }
}

/** Says once, and again when it changes, which model answers requests that name none. */
export function defaultModelObserver(log: Logger): (table: ModelTable) => void {
  let told = ''
  return (table) => {
    const names = [...new Set(table.all().map(({ version }) => version.model))]
    const model = table.defaultModel()
    const isServed = names.includes(model)
    const line = isServed
      ? `requests that name no model get ${model}`
      : `requests that name no model get 404: the default, ${model}, is not served; set DEFAULT_MODEL to one of: ${names.join(', ')}`
    if (names.length === 0 || line === told) return
    told = line
    if (isServed) log.info(line)
    else log.warn(line)
  }
}

function namesOf({ model, version }: ModelVersion) {
  return { model, version: String(version) }
}

export function modelInfo({ version, pool: { description } }: ServedModel) {
  const { engine, device, precision } = description
  const weights = version.manifest.weights.kind
  return {
    model: version.model,
    version: String(version.version),
    engine,
    device,
    precision,
    weights,
  }
}

export function classificationObserver(
  metrics: Metrics,
  tracing?: Tracing,
): ClassificationObserver {
  const named = ({ version }: ServedModel) => namesOf(version)
  return {
    stage(stage, { version }, durationMs) {
      metrics.stage({ stage, model: version.model, version: String(version.version), durationMs })
    },
    timed(served, { decoded: { decodedAt, image: decodedImage }, result, inferredAt }) {
      if (tracing === undefined) return
      const { decodeMs } = decodedImage
      const { queueMs, batchSize } = result
      const { inferMs } = result.value
      const image = { ...named(served), batchSize }
      const span = (stage: TracedStage['stage'], startedAt: number, ms: number) =>
        tracing.stage({ ...image, stage, startedAt, endedAt: startedAt + ms })
      span('decode', decodedAt - decodeMs, decodeMs)
      span('queue', decodedAt, queueMs)
      span('infer', inferredAt - inferMs, inferMs)
    },
    answered(served, probability) {
      const { model, version } = named(served)
      metrics.images.outcome({ model, version, outcome: 'ok' })
      metrics.images.top1(model, probability)
    },
    failed(served, error) {
      const outcome = error instanceof ServiceError ? error.code : 'internal'
      metrics.images.outcome({ ...named(served), outcome })
    },
    decoded: ({ format }) => metrics.images.format(format),
    origin: metrics.results.origin,
    shadowed({ served, shadow, outcome }) {
      const { model, version } = named(shadow)
      metrics.shadowed({ ...named(served), shadow_model: model, shadow_version: version, outcome })
    },
  }
}
