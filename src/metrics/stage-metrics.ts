// Where the time of a classification goes, stage by stage.
import type { Registry } from 'prom-client'
import { createHistogram } from './histogram.ts'

/** From half a millisecond (a queue that is empty) to the default request timeout of 10 s. */
const stageBucketsS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export type Stage = 'admission' | 'decode' | 'queue' | 'infer' | 'respond'

export interface StageObservation {
  readonly stage: Stage
  readonly model: string
  readonly version: string
  readonly durationMs: number
}

export type StageObserver = (observation: StageObservation) => void

export interface StageMetric {
  readonly observe: StageObserver
  forget(version: { readonly model: string; readonly version: string }): void
}

export function createStageMetric(registry: Registry): StageMetric {
  const duration = createHistogram({
    name: 'classify_stage_duration_seconds',
    help: 'Time an image spent in each stage of its classification',
    labelNames: ['stage', 'model', 'version'],
    buckets: stageBucketsS,
    registry,
  })
  const stages = new Set<Stage>()
  return {
    observe({ stage, model, version, durationMs }) {
      stages.add(stage)
      duration.observe([stage, model, version], durationMs / 1000)
    },
    forget({ model, version }) {
      for (const stage of stages) duration.remove([stage, model, version])
    },
  }
}
