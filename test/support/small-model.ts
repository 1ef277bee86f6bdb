// A ResNet small enough for tests, written as the service writes its own models.
import type { TestContext } from 'node:test'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { smallSpec } from './small-network.ts'
import { tempFolder } from './temp-folder.ts'

const { imageSize, classes } = smallSpec('resnet34')
export const smallSize = imageSize
export const smallClasses = classes
export const smallCropBytes = smallSize * smallSize * 3

/** A folder with the saved_model.pb of a ResNet34 for 32×32 images, with seeded random weights. */
export async function smallModel(t: TestContext, seed = 1): Promise<string> {
  const spec = smallSpec('resnet34')
  const network = describeNetwork(spec)
  const folder = await tempFolder(t)
  const weights = importWeights(network, seededCheckpoint(network, seed))
  await writeSavedModel(folder, buildResNet(spec, weights))
  return folder
}

/** Crops that differ from each other, uint8 [count, 32, 32, 3]. */
export function smallCrops(count: number): Uint8Array {
  return Uint8Array.from({ length: count * smallCropBytes }, (_, i) => {
    return (i * 7 + Math.floor(i / smallCropBytes) * 61 + ((i * i) % 97)) % 256
  })
}
