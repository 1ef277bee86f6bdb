// All metrics of the service on one registry. Rooms get plain observers and never see prom-client.
import { collectDefaultMetrics, Registry } from 'prom-client'
import { type BatchObserver, createBatchMetrics } from './batch-metrics.ts'
import { createHttpMetrics, type HttpObserver } from './http-metrics.ts'
import { createImageMetrics, type ImageObserver } from './image-metrics.ts'
import { createModelInfoMetric, type ModelInfoObserver } from './model-info-metric.ts'
import { createModelsMetrics, type ModelsObserver, type VersionName } from './models-metrics.ts'
import { createResultMetrics, type ResultObserver } from './result-metrics.ts'
import { createSessionMetrics, type SessionsObserver } from './session-metrics.ts'
import { createShadowMetric, type ShadowedObserver } from './shadow-metric.ts'
import { createStageMetric, type StageObserver } from './stage-metrics.ts'

export interface Metrics {
  readonly http: HttpObserver
  readonly stage: StageObserver
  readonly images: ImageObserver
  readonly modelInfo: ModelInfoObserver
  readonly models: ModelsObserver
  readonly results: ResultObserver
  readonly shadowed: ShadowedObserver
  /** Drops the series of a version that is gone: without it every version ever served would stay. */
  forget(version: VersionName): void
  /** The observer of one model version's batcher. */
  batcher(model: string, version: string): BatchObserver
  /** The observer of one pool of session processes. */
  sessions(model: string, device: string): SessionsObserver
  /** Calls `update` before every exposition, for what is read rather than counted. */
  onScrape(update: () => void): void
  /** The Prometheus text exposition of everything. */
  render(): Promise<string>
  /** The media type of `render()`. */
  readonly contentType: string
}

/** Gauges that end in `_total`, as only counters may; each is the sum of one without the ending. */
const misnamed = ['handles', 'requests', 'resources'].map((name) => `nodejs_active_${name}_total`)

export interface MetricsOptions {
  /** Histograms of requests name traces; the text is then OpenMetrics, which can carry them. */
  readonly exemplars?: boolean
}

export function createMetrics({ exemplars = false }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  // The types bind a registry to one format at its construction; every metric takes either.
  if (exemplars) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  collectDefaultMetrics({ register: registry }) // event-loop delay, heap, garbage collection, CPU
  for (const name of misnamed) registry.removeSingleMetric(name)
  const stage = createStageMetric(registry)
  const images = createImageMetrics(registry)
  const shadow = createShadowMetric(registry)
  const updates: (() => void)[] = []
  return {
    http: createHttpMetrics(registry, { exemplars }),
    stage: stage.observe,
    images,
    models: createModelsMetrics(registry),
    results: createResultMetrics(registry),
    shadowed: shadow.observe,
    forget(version) {
      for (const part of [stage, images, shadow]) part.forget(version)
    },
    modelInfo: createModelInfoMetric(registry),
    batcher: createBatchMetrics(registry),
    sessions: createSessionMetrics(registry),
    onScrape: (update) => updates.push(update),
    render() {
      for (const update of updates) update()
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
