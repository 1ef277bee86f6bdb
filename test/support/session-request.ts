// A request to load a model on the CPU, for tests of engines.
import type { LoadRequest } from '../../src/engines/engine.ts'

export function sessionRequest(changes: Partial<LoadRequest> = {}): LoadRequest {
  return {
    model: 'test',
    folder: '/nonexistent',
    cacheFolder: null,
    normalization: { rescale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    device: 'cpu',
    precision: 'auto',
    threads: 1,
    maxBatchSize: 8,
    output: null,
    ...changes,
  }
}
