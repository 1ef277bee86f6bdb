// model_info: a series of value 1 for each served model version, whose labels say what runs it.
import { Gauge, type Registry } from 'prom-client'

export interface ModelInfo {
  readonly model: string
  readonly version: string
  readonly engine: string
  readonly device: string
  readonly precision: string
  readonly weights: string
}

export interface ModelInfoObserver {
  served(info: ModelInfo): void
  /** The version is no longer served. */
  removed(info: ModelInfo): void
}

export function createModelInfoMetric(registry: Registry): ModelInfoObserver {
  const gauge = new Gauge({
    name: 'model_info',
    help: 'Served model versions: engine, device, precision and kind of weights',
    labelNames: ['model', 'version', 'engine', 'device', 'precision', 'weights'],
    registers: [registry],
  })
  const labelsOf = ({ model, version, engine, device, precision, weights }: ModelInfo) => {
    return { model, version, engine, device, precision, weights }
  }
  return {
    served(info) {
      gauge.set(labelsOf(info), 1)
    },
    removed(info) {
      gauge.remove(labelsOf(info))
    },
  }
}
