// A quantised version beside its source: how far their answers are apart, and how much faster it is
// on each engine of this machine, in turns.
import { softmax } from '../../classification/probabilities.ts'
import { cores } from '../../config.ts'
import { loadWithPreferredEngine } from '../../engines/choose.ts'
import type { EngineName, LoadedModel, LoadRequest } from '../../engines/engine.ts'
import type { Agreement, Quantization } from '../../engines/onnxruntime/quantization.ts'
import { ModelError, messageOf } from '../../errors.ts'
import type { ModelVersion } from '../../repository/repository.ts'

export interface VersionComparison {
  readonly agreement: Quantization['agreement']
  readonly engines: readonly {
    readonly engine: EngineName
    readonly batchSize: number
    /** Images a second of int8 / fp32. */
    readonly ratio: number
  }[]
  readonly absent: readonly string[]
}

export interface Crops {
  readonly calibration: readonly Uint8Array[]
  readonly heldOut: readonly Uint8Array[]
}

const batchSize = 8
/** Batches in turns: enough for a ratio, few enough to wait for. */
const timedBatches = 5
/** Those that run int8. */
const int8Engines = ['onnxruntime', 'openvino'] as const

interface Pair {
  readonly fp32: LoadedModel
  readonly int8: LoadedModel
}

/** @param folder the quantised version's */
export async function compareVersions(
  source: ModelVersion,
  folder: string,
  crops: Crops,
): Promise<VersionComparison> {
  const engines: { engine: EngineName; batchSize: number; ratio: number }[] = []
  const absent: string[] = []
  let agreement: Quantization['agreement'] | undefined
  for (const engine of int8Engines) {
    try {
      const pair = await loadPair(engine, source, folder)
      engines.push({ engine, batchSize, ratio: await speedRatio(pair, crops.calibration) })
      agreement ??= {
        calibration: await agreementOf(pair, crops.calibration),
        heldOut: await agreementOf(pair, crops.heldOut),
      }
      await Promise.all([pair.fp32.close(), pair.int8.close()])
    } catch (error) {
      absent.push(`${engine}: ${messageOf(error)}`)
    }
  }
  if (agreement === undefined)
    throw new ModelError('unsupported', `no engine runs the version: ${absent.join('; ')}`)
  return { agreement, engines, absent }
}

async function loadPair(engine: EngineName, source: ModelVersion, folder: string): Promise<Pair> {
  const { model, manifest } = source
  const request: LoadRequest = {
    model,
    folder: source.folder,
    cacheFolder: null,
    normalization: manifest.preprocess,
    device: 'cpu',
    precision: 'fp32',
    threads: cores(),
    maxBatchSize: batchSize,
    output: manifest.output,
  }
  const fp32 = await loadWithPreferredEngine(engine, request)
  const int8 = await loadWithPreferredEngine(engine, { ...request, folder, precision: 'int8' })
  return { fp32: fp32.model, int8: int8.model }
}

async function speedRatio({ fp32, int8 }: Pair, crops: readonly Uint8Array[]): Promise<number> {
  const [first = new Uint8Array()] = crops
  const batch = new Uint8Array(first.length * batchSize)
  for (let i = 0; i < batchSize; i++)
    batch.set(crops[i % crops.length] as Uint8Array, i * first.length)
  const ratios: number[] = []
  for (let round = 0; round < timedBatches; round++) {
    const times: number[] = []
    for (const model of [fp32, int8]) {
      const startedAt = performance.now()
      await model.run(batch, batchSize)
      times.push(performance.now() - startedAt)
    }
    ratios.push((times[0] as number) / (times[1] as number))
  }
  ratios.sort((a, b) => a - b)
  return ratios[timedBatches >> 1] as number
}

async function agreementOf({ fp32, int8 }: Pair, crops: readonly Uint8Array[]): Promise<Agreement> {
  let same = 0
  let sum = 0
  let largest = 0
  let count = 0
  for (const crop of crops) {
    const [before, after] = [
      await probabilitiesOf(fp32, crop),
      await probabilitiesOf(int8, crop),
    ] as const
    if (indexOfLargest(before) === indexOfLargest(after)) same += 1
    for (let i = 0; i < before.length; i++) {
      const difference = Math.abs((before[i] as number) - (after[i] as number))
      sum += difference
      largest = Math.max(largest, difference)
    }
    count += before.length
  }
  return {
    images: crops.length,
    sameTop1: same / crops.length,
    meanDifference: sum / count,
    largestDifference: largest,
  }
}

async function probabilitiesOf(model: LoadedModel, crop: Uint8Array): Promise<Float32Array> {
  const scores = await model.run(crop, 1)
  return model.description.output.kind === 'logits' ? softmax(scores) : Float32Array.from(scores)
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] as number) ? index : best), 0)
}
