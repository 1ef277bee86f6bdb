// Where results come from: computed, shared with an equal request in flight, or kept from before.
import { Gauge, type Registry } from 'prom-client'
import { createCounter } from './counter.ts'

export interface ResultObserver {
  origin(origin: 'computed' | 'shared' | 'cached'): void
  /** Bytes that kept results take. */
  kept(bytes: number): void
}

export function createResultMetrics(registry: Registry): ResultObserver {
  const results = createCounter({
    name: 'results_total',
    help: 'Results by where they came from: computed, shared (equal work in flight), cached',
    labelNames: ['origin'],
    registry,
  })
  const bytes = new Gauge({
    name: 'result_cache_bytes',
    help: 'Bytes that the result cache holds',
    registers: [registry],
  })
  return {
    origin: (origin) => results.add([origin]),
    kept: (count) => bytes.set(count),
  }
}
