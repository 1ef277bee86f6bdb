// What the batchers do: how many images wait and how many run together.
import { Gauge, type Registry } from 'prom-client'
import { createHistogram } from './histogram.ts'

/** Powers of two up to the largest MAX_BATCH_SIZE. */
const batchSizeBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** The observer of one model version's batcher. */
export interface BatchObserver {
  queued(depth: number): void
  batch(size: number): void
}

export function createBatchMetrics(
  registry: Registry,
): (model: string, version: string) => BatchObserver {
  const sizes = createHistogram({
    name: 'batch_size',
    help: 'Images that ran together',
    labelNames: ['model'],
    buckets: batchSizeBuckets,
    registry,
  })
  const depths = new Gauge({
    name: 'queue_depth',
    help: 'Images that wait for a session',
    labelNames: ['model'],
    registers: [registry],
  })
  return (model) => {
    depths.inc({ model }, 0) // the series exists before the first image waits
    // Versions of one model share a series, so each batcher adds its change, not its depth.
    let known = 0
    return {
      queued(depth) {
        depths.inc({ model }, depth - known)
        known = depth
      },
      batch(size) {
        sizes.observe([model], size)
      },
    }
  }
}
