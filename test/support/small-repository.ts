// A model repository of small networks, written by the service's own writer, with manifests that
// leave pictures of the networks' own size as they are.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { smallSpec } from './small-network.ts'

/** Side in pixels of what the networks take. */
export const smallSide = 32
/** Classes they know, by the names in their label file. */
export const smallLabels = Array.from({ length: 10 }, (_, index) => `thing ${index}`)

export interface SmallModel {
  readonly name: string
  /** By version number, the seed of its weights; 1 -> 1 where left out. */
  readonly versions?: Readonly<Record<number, number>>
  /** Overrides parts of the manifest. */
  readonly manifest?: object
  /** Names of its ten classes; `smallLabels` where left out. */
  readonly labels?: readonly string[]
}

/** Writes each model below `folder`. */
export async function writeSmallModels(
  folder: string,
  models: readonly SmallModel[],
): Promise<void> {
  for (const { name, versions = { 1: 1 }, manifest = {}, labels = smallLabels } of models) {
    for (const [version, seed] of Object.entries(versions)) {
      await writeSmallVersion(join(folder, name, version), seed)
    }
    await writeFile(join(folder, name, 'things.txt'), `${labels.join('\n')}\n`)
    await writeFile(
      join(folder, name, 'model.json'),
      JSON.stringify({ ...smallManifest, ...manifest }),
    )
  }
}

/** A picture of the network's size reaches it pixel by pixel, so that tests know its input. */
const smallManifest = {
  labels: 'things.txt',
  weights: { kind: 'random' },
  preprocess: { resizeShortSide: smallSide, cropSize: smallSide },
}

/** Writes one version of a small ResNet34 into `folder`. */
export async function writeSmallVersion(folder: string, seed: number): Promise<void> {
  const spec = smallSpec('resnet34', { filters: 8, imageSize: smallSide })
  const network = describeNetwork(spec)
  await mkdir(folder, { recursive: true })
  const graph = buildResNet(spec, importWeights(network, seededCheckpoint(network, seed)))
  await writeSavedModel(folder, graph)
}
