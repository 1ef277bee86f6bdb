// What the tests of the tensorflow engine share: where things are, and whether they are there.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { tensorflowEngine } from '../../src/engines/tensorflow/tensorflow-engine.ts'

/** The package's own folder; compiled, this file is <package>/dist/test/support/tensorflow.js. */
export const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))
export const exportsFolder = join(packageFolder, 'test/fixtures/tensorflow-exports')
export const goldenFolder = join(packageFolder, '../shared/golden')

const availability = await tensorflowEngine.probe()
/** `false`, or why the tests that need the engine are skipped. */
export const withoutEngine = availability.available ? false : availability.reason
export const withoutGolden = existsSync(goldenFolder)
  ? withoutEngine
  : 'needs the golden models of ../shared'

export const imagenet = {
  rescale: 1 / 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const

/** A request for one of test/fixtures/tensorflow-exports, or for any folder. */
export function loadRequest(model: string, rest: Partial<LoadRequest> = {}): LoadRequest {
  return {
    model,
    folder: join(exportsFolder, model, '1'),
    cacheFolder: null,
    normalization: imagenet,
    device: 'cpu',
    precision: 'auto',
    threads: 1,
    maxBatchSize: 4,
    output: null,
    ...rest,
  }
}

/** Pixels that differ from each other, uint8 [count, height, width, 3]. */
export function somePixels(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 5)) % 256)
}
