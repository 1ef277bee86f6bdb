// Our ResNets held against PyTorch's: the same seeded weights, the same pictures, logits of both.
import { execFile } from 'node:child_process'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { buildResNet } from '../../src/resnet/build-graph.ts'
import { importWeights } from '../../src/resnet/import-weights.ts'
import { describeNetwork, type NetworkSpec } from '../../src/resnet/network.ts'
import { createRandom } from '../../src/resnet/random.ts'
import { type Checkpoint, encodeSafetensors } from '../../src/resnet/safetensors.ts'
import { seededCheckpoint } from '../../src/resnet/seeded-checkpoint.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { sessionRequest } from './session-request.ts'

/** The package's own folder; this file lies in dist/test/support/. */
const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))
const script = join(packageFolder, 'test/support/reference_resnet.py')
const python = process.env.TORCH_PYTHON ?? join(packageFolder, '.venv-torch/bin/python')
/** The larger network takes 10 s on two busy cores. */
const timeoutMs = 300_000

/** `false`, or why nothing can be held against PyTorch. */
export const withoutTorch = existsSync(python)
  ? false
  : 'needs PyTorch: python3 -m venv .venv-torch && .venv-torch/bin/pip install torch==2.13.0 numpy, or TORCH_PYTHON'

export interface Agreement {
  /** Largest difference of a logit, as a part of the largest logit. */
  readonly relative: number
  /** Pictures whose best class is the same, and all. */
  readonly sameTop: number
  readonly images: number
  /** How many classes are best for some picture: one would say that the networks see nothing. */
  readonly differentTops: number
  readonly largestLogit: number
}

/** The network of `spec` with the weights of `seed`: its logits by our own engine and by PyTorch. */
export async function compareWithTorch(spec: NetworkSpec, seed: number): Promise<Agreement> {
  const folder = await mkdtemp(join(tmpdir(), 'resnet-serving-reference-'))
  try {
    const images = 4
    const pixels = makePictures(spec.imageSize, images)
    const network = describeNetwork(spec)
    const checkpoint = seededCheckpoint(network, seed)
    const weights = importWeights(network, checkpoint)
    await writeSavedModel(join(folder, '1'), buildResNet(spec, weights))
    const expected = await runTorch(spec, { checkpoint, pixels, folder })
    const found = await runLogits(join(folder, '1'), pixels, images)
    return compare(found, expected, spec.classes)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The logits [images, classes] of a SavedModel by ONNX Runtime in fp32. */
export async function runLogits(
  folder: string,
  pixels: Uint8Array,
  images: number,
): Promise<Float32Array> {
  const request = sessionRequest({ folder, output: 'logits', precision: 'fp32' })
  const model = await onnxruntimeEngine.load(request)
  try {
    return await model.run(pixels, images)
  } finally {
    await model.close()
  }
}

interface TorchJob {
  readonly checkpoint: Checkpoint
  readonly pixels: Uint8Array
  /** For the files that go to PyTorch and come back. */
  readonly folder: string
}

async function runTorch(
  spec: NetworkSpec,
  { checkpoint, pixels, folder }: TorchJob,
): Promise<Float32Array> {
  const path = (name: string): string => join(folder, name)
  const parts = Readable.from(encodeSafetensors(checkpoint))
  await pipeline(parts, createWriteStream(path('weights.safetensors')))
  await writeFile(path('pixels.u8'), pixels)
  const options = {
    '--network': spec.network,
    '--variant': spec.variant,
    '--size': String(spec.imageSize),
    '--weights': path('weights.safetensors'),
    '--pixels': path('pixels.u8'),
    '--output': path('logits.f32'),
  }
  const args = [script, ...Object.entries(options).flat()]
  await promisify(execFile)(python, args, { timeout: timeoutMs })
  return new Float32Array(Uint8Array.from(await readFile(path('logits.f32'))).buffer)
}

/** Pictures with edges, gradients and noise, so that a shift by a pixel would show. */
function makePictures(size: number, count: number): Uint8Array {
  const random = createRandom(2, 'pictures')
  const scenes = Array.from({ length: count }, (_, image) => ({
    centre: random() * size,
    radius: size / (3 + image),
    slope: ((random() * 2 - 1) * 90) / size,
  }))
  return Uint8Array.from({ length: count * size * size * 3 }, (_, index) => {
    const [channel, column] = [index % 3, Math.floor(index / 3)]
    const [x, y] = [column % size, Math.floor(column / size) % size]
    const { centre, radius, slope } = scenes[Math.floor(column / size / size)] as (typeof scenes)[0]
    const inside = Math.hypot(x - centre, y - size / 2) < radius
    const gradient = 128 + slope * (channel === 1 ? x : y)
    return Math.min(255, gradient + (inside ? 60 * channel : -50) + 40 * random())
  })
}

function compare(found: Float32Array, expected: Float32Array, classes: number): Agreement {
  const rows = (values: Float32Array): readonly Float32Array[] =>
    Array.from({ length: values.length / classes }, (_, image) =>
      values.subarray(image * classes, (image + 1) * classes),
    )
  const best = (row: Float32Array): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)))
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const difference = expected.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (found[index] ?? Number.NaN))),
    0,
  )
  const [ours, theirs] = [rows(found).map(best), rows(expected).map(best)]
  return {
    relative: difference / largest,
    sameTop: theirs.filter((top, image) => top === ours[image]).length,
    images: theirs.length,
    differentTops: new Set(theirs).size,
    largestLogit: largest,
  }
}
