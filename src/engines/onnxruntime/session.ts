// A converted model in an ONNX Runtime session: pixels in, scores out.
import type { InferenceSession } from 'onnxruntime-node'
import { ModelError, messageOf } from '../../errors.ts'
import type { LoadedModel, LoadRequest, ModelDescription } from '../engine.ts'
import { findScoreKind } from '../score-kind.ts'
import { cudaAdvice } from './cuda-provider.ts'
import type { ConvertedModel } from './model-source.ts'
import { loadRuntime, type Runtime, runtimeVersion } from './runtime.ts'
import { sessionOptions } from './session-options.ts'

/** @throws ModelError `unsupported` where the runtime or the device refuses the graph */
export async function openSession(
  { source, facts }: ConvertedModel,
  request: LoadRequest,
): Promise<LoadedModel> {
  const runtime = await loadRuntime()
  checkDevice(runtime, request)
  const options = sessionOptions(request, facts.precision === 'int8')
  let session: InferenceSession
  try {
    // The overloads differ in their first parameter only, so a union needs two calls.
    session =
      typeof source === 'string'
        ? await runtime.InferenceSession.create(source, options)
        : await runtime.InferenceSession.create(source, options)
  } catch (error) {
    throw new ModelError(
      'unsupported',
      `model ${request.model}: onnxruntime cannot run it on ${request.device}: ${messageOf(error)}` +
        (request.device.startsWith('cuda') ? `.${cudaAdvice()}` : ''),
      { cause: error },
    )
  }
  const { input, output } = facts
  const isOfTensors = request.inputForm === 'tensors'
  const runner: Runner = {
    ...{ runtime, session, facts, valueBytes: isOfTensors ? 4 : 1 },
    runSize: request.device === 'cpu' ? (count) => count : paddedSize,
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
    close: () => session.release(),
  }
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
  readonly session: InferenceSession
  readonly facts: ConvertedModel['facts']
  /** 1 for uint8 pixels, 4 for float32. */
  readonly valueBytes: number
  /** The batch size in which so many images are run. */
  readonly runSize: (count: number) => number
}

/**
 * 1, 2, 3, 4, 6, 8, 12, 16, 24, …: a GPU's libraries choose and compile kernels for each size anew,
 * which takes seconds, so a few sizes must do for all. At most a third of a batch is filling.
 */
export function paddedSize(count: number): number {
  const power = 2 ** Math.floor(Math.log2(count))
  if (count === power) return power
  const between = power * 1.5
  return count <= between ? Math.ceil(between) : power * 2
}

function askKind(runner: Runner): Promise<ModelDescription['output']['kind']> {
  const { height, width } = runner.facts.input
  return findScoreKind(height * width * 3, (crop) => runBatch(runner, crop, 1))
}

/** @param pixels uint8 [count, height, width, 3]; @returns float32 [count, classes] */
async function runBatch(runner: Runner, pixels: Uint8Array, count: number): Promise<Float32Array> {
  const { input, output } = runner.facts
  const imageBytes = input.height * input.width * 3 * runner.valueBytes
  if (pixels.byteLength !== count * imageBytes) {
    throw new RangeError(
      `${count} crops of ${input.height}x${input.width} are ${count * imageBytes} bytes, found ${pixels.byteLength}. This is a bug.`,
    )
  }
  const size = input.batch ?? runner.runSize(count)
  if (size === count) return runOnce(runner, pixels, count)
  // In chunks of a fixed batch size, the last one filled up with black.
  const scores = new Float32Array(count * output.classes)
  for (let start = 0; start < count; start += size) {
    const chunk = new Uint8Array(size * imageBytes)
    const end = Math.min(start + size, count)
    chunk.set(pixels.subarray(start * imageBytes, end * imageBytes))
    const part = await runOnce(runner, chunk, size)
    scores.set(part.subarray(0, (end - start) * output.classes), start * output.classes)
  }
  return scores
}

async function runOnce(
  { runtime, session, facts, valueBytes }: Runner,
  pixels: Uint8Array,
  count: number,
): Promise<Float32Array> {
  const { height, width } = facts.input
  const shape = [count, height, width, 3]
  const tensor =
    valueBytes === 1
      ? new runtime.Tensor('uint8', pixels, shape)
      : new runtime.Tensor('float32', floatsIn(pixels), shape)
  const { scores } = await session.run({ pixels: tensor })
  if (!(scores?.data instanceof Float32Array)) {
    throw new TypeError('the converted graph has no float32 output "scores". This is a bug.')
  }
  return scores.data
}

function floatsIn({ buffer, byteOffset, byteLength }: Uint8Array): Float32Array {
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
}
