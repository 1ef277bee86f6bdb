// A repository of small networks built by the project itself, and images whose answers are known:
// computed in the calling process by the engine itself, not by the service that is tested.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import { sharp } from '../../src/imaging/sharp.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork } from '../../src/resnet/network.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { sessionRequest } from './session-request.ts'
import { smallSpec } from './small-network.ts'

export interface SmallModel {
  readonly name: string
  readonly seed: number
  /** Side of the input in pixels, and filters of the first layer: what a batch costs. */
  readonly side?: number
  readonly filters?: number
}

export interface KnownImage {
  /** A PNG of exactly the model's input size, so that its pixels reach the network unchanged. */
  readonly body: Uint8Array
  /** Probability of each class. */
  readonly expected: Float32Array
}

export const smallSide = 32
const normalization = { rescale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] } as const

/** Writes `<folder>/<name>/model.json` and version 1 beside it. */
export async function writeSmallModel(folder: string, model: SmallModel): Promise<void> {
  const { name, seed, side = smallSide, filters = 8 } = model
  const spec = smallSpec('resnet34', { imageSize: side, filters })
  const network = describeNetwork(spec)
  const version = join(folder, name, '1')
  await mkdir(version, { recursive: true })
  const weights = importWeights(network, seededCheckpoint(network, seed))
  await writeSavedModel(version, buildResNet(spec, weights))
  const preprocess = { resizeShortSide: side, cropSize: side, ...normalization }
  const manifest = { weights: { kind: 'random' }, preprocess }
  await writeFile(join(folder, name, 'model.json'), JSON.stringify(manifest))
}

/** `count` images for `model`, as it lies in `folder`, no two of which have the same answer. */
export async function knownImages(
  folder: string,
  { name, side = smallSide }: SmallModel,
  count: number,
): Promise<readonly KnownImage[]> {
  const request = { folder: join(folder, name, '1'), normalization }
  const { model } = await loadWithPreferredEngine('onnxruntime', sessionRequest(request))
  const images: KnownImage[] = []
  for (let seed = 0; images.length < count; seed += 1) {
    const pixels = picture(seed, side)
    const expected = Float32Array.from(await model.run(pixels, 1))
    const isNew = images.every((image) => differs(image.expected, expected))
    if (isNew) images.push({ body: await png(pixels, side), expected })
    else if (seed > 50 * count) throw new Error(`${name} gives too few different answers`)
  }
  await model.close()
  return images
}

/** A lossless image of these pixels, uint8 [side, side, 3]. */
export async function png(pixels: Uint8Array, side = smallSide): Promise<Uint8Array> {
  const raw = { width: side, height: side, channels: 3 as const }
  return await sharp(pixels, { raw }).png().toBuffer()
}

/** Colours and patterns that a network with random weights tells apart. */
export function picture(seed: number, side = smallSide): Uint8Array {
  const value = (n: number) => ((seed + 1) * n * 2_654_435_761) >>> 24
  const [red, green, blue, period] = [value(3), value(5), value(7), 1 + (value(11) % 12)]
  return Uint8Array.from({ length: side * side * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3)
    const wave = (Math.floor((pixel % side) / period) + Math.floor(pixel / side / period)) % 2
    return ([red, green, blue][i % 3] as number) * (wave === 0 ? 1 : 0.3)
  })
}

/** Batches of other sizes may round otherwise; two images of `knownImages` differ by more. */
export const tolerance = 2e-4

function differs(one: Float32Array, other: Float32Array): boolean {
  return one.some((value, index) => Math.abs(value - (other[index] ?? 0)) > 10 * tolerance)
}
