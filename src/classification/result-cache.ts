// Findings that are kept for the next request with the same image: bounded in bytes, the least
// recently used go first. Off (no bytes) unless asked for.
import { LRUCache } from 'lru-cache'
import type { Finding } from './finding.ts'

export interface ResultCache {
  get(key: string): Finding | undefined
  set(key: string, finding: Finding): void
  readonly usedBytes: number
}

/** The key, the objects around the numbers, and the cache's own bookkeeping, about. */
const overheadBytes = 512

export function createResultCache(maxBytes: number): ResultCache | undefined {
  if (maxBytes === 0) return undefined
  const kept = new LRUCache<string, Finding>({
    maxSize: maxBytes,
    sizeCalculation: ({ distribution, explanation }) =>
      overheadBytes + distribution.scores.byteLength + (explanation?.png.byteLength ?? 0),
  })
  return {
    get: (key) => kept.get(key),
    set: (key, finding) => kept.set(key, finding),
    get usedBytes() {
      return kept.calculatedSize
    },
  }
}
