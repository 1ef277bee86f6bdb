// A converted model in an ONNX Runtime session: pixels in, scores out.
import type { InferenceSession } from 'onnxruntime-node'
import { ModelError } from '../../errors.ts'
import type { LoadedModel, LoadRequest, ModelDescription } from '../engine.ts'
import { fixedBatches, joinScores } from '../fixed-batch.ts'
import { findScoreKind } from '../score-kind.ts'
import { cudaAdvice } from './cuda-provider.ts'
import type { ConvertedModel } from './model-source.ts'
import { loadRuntime, type Runtime, runtimeVersion } from './runtime.ts'
import { wordsOf } from './runtime-words.ts'
import { sessionOptions } from './session-options.ts'

/** @throws ModelError `unsupported` where the runtime or the device refuses the graph */
export async function openSession(
  { source, facts }: ConvertedModel,
  request: LoadRequest,
): Promise<LoadedModel> {
  // Read when CUDA's libraries load: float32 means float32, and `auto` leaves the choice to them.
  if (request.precision === 'fp32') process.env.NVIDIA_TF32_OVERRIDE ??= '0'
  const runtime = await loadRuntime()
  checkDevice(runtime, request)
  const sizes = request.device === 'cpu' ? undefined : gpuSizes(request.maxBatchSize)
  const sessions = await createSessions(runtime, source, {
    request,
    isInt8: facts.precision === 'int8',
    count: isCuda(request) && facts.input.batch === null ? (sizes?.length ?? 1) : 1,
  })
  const { input, output } = facts
  const isOfTensors = request.inputForm === 'tensors'
  const sizeFor = (count: number) => sizes?.find((size) => size >= count) ?? count
  const runner: Runner = {
    ...{ runtime, facts, valueBytes: isOfTensors ? 4 : 1 },
    runSize: (count) => input.batch ?? sizeFor(count),
    sessionFor: (size) => sessions[sizes?.indexOf(size) ?? 0] ?? (sessions[0] as InferenceSession),
  }
  // The bytes of pixels are noise as floats: sessions of pixels tell the kind of a model's scores.
  const kind = output.kind ?? (isOfTensors ? 'logits' : await askKind(runner))
  const description: ModelDescription = {
    engine: 'onnxruntime',
    engineVersion: runtimeVersion(runtime),
    device: request.device,
    precision: facts.precision ?? 'fp32',
    input: { name: input.name, dtype: input.dtype, height: input.height, width: input.width },
    output: { ...output, kind },
  }
  return {
    description,
    run: (pixels, count) => runBatch(runner, pixels, count),
    async close() {
      await Promise.all(sessions.map((session) => session.release()))
    },
    ...(sizes !== undefined && { slowFirst: sizes }),
  }
}

interface SessionsWanted {
  readonly request: LoadRequest
  readonly isInt8: boolean
  readonly count: number
}

/** @throws ModelError `unsupported` */
async function createSessions(
  { InferenceSession: Session }: typeof Runtime,
  source: ConvertedModel['source'],
  { request, isInt8, count }: SessionsWanted,
): Promise<readonly InferenceSession[]> {
  const options = sessionOptions(request, isInt8)
  // The overloads differ in their first parameter only, so a union needs two calls.
  const create = () =>
    typeof source === 'string' ? Session.create(source, options) : Session.create(source, options)
  try {
    const sessions: InferenceSession[] = []
    for (let made = 0; made < count; made++) sessions.push(await create())
    return sessions
  } catch (error) {
    throw new ModelError(
      'unsupported',
      `model ${request.model}: onnxruntime cannot run it on ${request.device}: ${wordsOf(error)}` +
        (isCuda(request) ? `.${await cudaAdvice()}` : ''),
      { cause: error },
    )
  }
}

function isCuda({ device }: LoadRequest): boolean {
  return device.startsWith('cuda')
}

/** The library's JavaScript would leave a device that it does not know out and run on the CPU. */
function checkDevice(runtime: typeof Runtime, { model, device }: LoadRequest): void {
  const kinds = runtime.listSupportedBackends().map(({ name }) => name)
  const [kind] = device.split(':')
  if (kinds.some((name) => name === kind)) return
  throw new ModelError(
    'unsupported',
    `model ${model}: onnxruntime cannot run it on ${device}: it knows ${kinds.join(', ')}.`,
  )
}

interface Runner {
  readonly runtime: typeof Runtime
  readonly facts: ConvertedModel['facts']
  /** 1 for uint8 pixels, 4 for float32. */
  readonly valueBytes: number
  /** The batch size in which so many images are run. */
  readonly runSize: (count: number) => number
  /**
   * Each size has its own on CUDA: the provider plans its convolutions anew whenever the size is another
   * than the last one (measured on an H200: 50 to 290 ms, beside 2 to 6 ms for the batch itself).
   */
  readonly sessionFor: (size: number) => InferenceSession
}

/**
 * 1, 4, 8, 16, …, the largest: a GPU's libraries choose and compile kernels for each size, so a few
 * sizes must do for all. To a GPU a few images are as one (docs/performance), so filling costs little.
 */
export function gpuSizes(maxBatchSize: number): readonly number[] {
  const sizes = [1]
  for (let size = 4; size < maxBatchSize; size *= 2) sizes.push(size)
  return maxBatchSize === 1 ? sizes : [...sizes, maxBatchSize]
}

function askKind(runner: Runner): Promise<ModelDescription['output']['kind']> {
  const { height, width } = runner.facts.input
  return findScoreKind(height * width * 3, (crops, count) => runBatch(runner, crops, count))
}

/** @param pixels uint8 [count, height, width, 3]; @returns float32 [count, classes] */
async function runBatch(runner: Runner, pixels: Uint8Array, count: number): Promise<Float32Array> {
  const { input } = runner.facts
  const imageBytes = input.height * input.width * 3 * runner.valueBytes
  if (pixels.byteLength !== count * imageBytes) {
    throw new RangeError(
      `${count} crops of ${input.height}x${input.width} are ${count * imageBytes} bytes, found ${pixels.byteLength}. This is a bug.`,
    )
  }
  const size = runner.runSize(count)
  if (size === count) return runOnce(runner, pixels, count)
  const scores: Float32Array[] = []
  for (const batch of fixedBatches(pixels, size * imageBytes)) {
    scores.push(await runOnce(runner, batch, size))
  }
  return joinScores(scores, { size, count })
}

async function runOnce(
  { runtime, sessionFor, facts, valueBytes }: Runner,
  pixels: Uint8Array,
  count: number,
): Promise<Float32Array> {
  const { height, width } = facts.input
  const shape = [count, height, width, 3]
  const tensor =
    valueBytes === 1
      ? new runtime.Tensor('uint8', pixels, shape)
      : new runtime.Tensor('float32', floatsIn(pixels), shape)
  const { scores } = await sessionFor(count).run({ pixels: tensor })
  if (!(scores?.data instanceof Float32Array)) {
    throw new TypeError('the converted graph has no float32 output "scores". This is a bug.')
  }
  return scores.data
}

function floatsIn({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array {
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
}
