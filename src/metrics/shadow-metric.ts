// Shadow traffic: how often a model's answer and its shadow's put the same class first.
import { Counter, type Registry } from 'prom-client'

interface Shadowed {
  readonly model: string
  readonly version: string
  readonly shadow_model: string
  readonly shadow_version: string
  readonly outcome: 'agreed' | 'disagreed' | 'dropped' | 'failed'
}

export type ShadowedObserver = (shadowed: Shadowed) => void

export interface ShadowMetric {
  readonly observe: ShadowedObserver
  forget(version: { readonly model: string; readonly version: string }): void
}

export function createShadowMetric(registry: Registry): ShadowMetric {
  const images = new Counter({
    name: 'shadow_images_total',
    help: 'Images shown to a shadow: same first class (agreed), another (disagreed), dropped, failed',
    labelNames: ['model', 'version', 'shadow_model', 'shadow_version', 'outcome'],
    registers: [registry],
  })
  const known = new Map<string, Shadowed>()
  return {
    observe(labels) {
      known.set(JSON.stringify(labels), labels)
      images.inc({ ...labels })
    },
    forget({ model, version }) {
      for (const [key, labels] of known) {
        const isOwn = labels.model === model && labels.version === version
        const isShadow = labels.shadow_model === model && labels.shadow_version === version
        if (!isOwn && !isShadow) continue
        known.delete(key)
        images.remove({ ...labels })
      }
    },
  }
}
