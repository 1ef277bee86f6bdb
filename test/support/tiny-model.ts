// A ResNet34 of eighth width on small images, built by the project itself: loads in a blink, and
// its answers differ from image to image.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork, publishedSpec } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'

export const tinySize = 32
export const tinyClasses = 10
export const tinyCropBytes = tinySize * tinySize * 3

/** Writes the model below `folder`. @returns the request that loads it on one thread */
export async function writeTinyModel(folder: string): Promise<Omit<LoadRequest, 'device'>> {
  const spec = {
    ...publishedSpec('resnet34'),
    filters: 8,
    classes: tinyClasses,
    imageSize: tinySize,
  }
  const weights = importWeights(describeNetwork(spec), seededCheckpoint(describeNetwork(spec), 7))
  const version = join(folder, 'tiny', '1')
  await mkdir(version, { recursive: true })
  await writeSavedModel(version, buildResNet(spec, weights))
  return {
    model: 'tiny',
    folder: version,
    cacheFolder: join(folder, 'cache'),
    normalization: { rescale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
    precision: 'auto',
    threads: 1,
    maxBatchSize: 8,
    output: null,
  }
}

/** uint8 [32, 32, 3] that differs with `seed`. */
export function tinyCrop(seed: number): Uint8Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0
  return Uint8Array.from({ length: tinyCropBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
}
