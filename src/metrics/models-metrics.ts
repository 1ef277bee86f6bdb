// What becomes of the model repository: loads that worked, loads that failed, and what is wrong.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface VersionName {
  readonly model: string
  readonly version: string
}

export interface ModelsObserver {
  loaded(version: VersionName, durationMs: number): void
  failed(version: VersionName): void
  /** How many things in the repository cannot be used now. */
  problems(count: number): void
  /** Of each model, whether nothing failed that is wanted of it. */
  loads(isWell: ReadonlyMap<string, boolean>): void
}

/** From a small model out of the page cache to minutes of compiling for a GPU. */
const loadBucketsS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

export function createModelsMetrics(registry: Registry): ModelsObserver {
  const loads = new Counter({
    name: 'model_loads_total',
    help: 'Versions that were loaded (ok) or failed to load (failed)',
    labelNames: ['model', 'outcome'],
    registers: [registry],
  })
  const lastLoad = new Gauge({
    name: 'model_last_load_success',
    help: '1 where the last load of each version that is wanted worked, 0 where one failed',
    labelNames: ['model'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'model_load_duration_seconds',
    help: 'Time from the start of a load to the first warm session',
    labelNames: ['model'],
    buckets: loadBucketsS,
    registers: [registry],
  })
  const problems = new Gauge({
    name: 'model_repository_problems',
    help: 'Models and versions of the repository that cannot be used as they are',
    registers: [registry],
  })
  return {
    loaded({ model }, durationMs) {
      loads.inc({ model, outcome: 'ok' })
      durations.observe({ model }, durationMs / 1000)
    },
    failed({ model }) {
      loads.inc({ model, outcome: 'failed' })
    },
    problems: (count) => problems.set(count),
    loads(isWell) {
      lastLoad.reset() // of models that are gone
      for (const [model, well] of isWell) lastLoad.set({ model }, well ? 1 : 0)
    },
  }
}
