// What came of the images, what they were, and how sure the answers are (drift shows here first).
import type { Registry } from 'prom-client'
import { createCounter } from './counter.ts'
import { createHistogram } from './histogram.ts'

const tenths = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]

export interface ImageObserver {
  /** `outcome` is `ok` or an error code. */
  outcome(image: {
    readonly model: string
    readonly version: string
    readonly outcome: string
  }): void
  /** The format that the bytes turned out to have. */
  format(format: string): void
  /** The probability of the first prediction, 0…1. */
  top1(model: string, probability: number): void
  forget(version: { readonly model: string; readonly version: string }): void
}

export function createImageMetrics(registry: Registry): ImageObserver {
  const images = createCounter({
    name: 'images_total',
    help: 'Images by what came of them: ok, or an error code',
    labelNames: ['model', 'version', 'outcome'],
    registry,
  })
  const formats = createCounter({
    name: 'image_format_total',
    help: 'Decoded images by format, found from their bytes',
    labelNames: ['format'],
    registry,
  })
  const probabilities = createHistogram({
    name: 'top1_probability',
    help: 'Probability of the first prediction',
    labelNames: ['model'],
    buckets: tenths,
    registry,
  })
  const outcomes = new Set<string>()
  return {
    outcome(labels) {
      outcomes.add(labels.outcome)
      images.add([labels.model, labels.version, labels.outcome])
    },
    format(format) {
      formats.add([format])
    },
    top1(model, probability) {
      probabilities.observe([model], probability)
    },
    forget({ model, version }) {
      for (const outcome of outcomes) images.remove([model, version, outcome])
    },
  }
}
