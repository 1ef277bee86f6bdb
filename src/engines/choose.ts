// Which engine runs a model, and why not another: they are tried in order, and each that cannot do
// it is a refusal with a reason, never a crash.
import { ModelError, messageOf } from '../errors.ts'
import type { Availability, Engine, EngineName, LoadedModel, LoadRequest } from './engine.ts'

/** An engine that was not used, and why, in a sentence for the operator. */
export interface Refusal {
  readonly engine: string
  readonly reason: string
}

/** A loaded model, and the engines that were preferred to the one that runs it. */
export interface Chosen {
  readonly model: LoadedModel
  readonly refused: readonly Refusal[]
}

export interface Choice {
  /** Engines that are not to be tried, e.g. because they ended an earlier process. */
  readonly excluded?: readonly Refusal[]
  /** Called before an engine's library loads. */
  readonly onTry?: (engine: EngineName) => void
}

/** Imported when an engine is tried and not before: its library may be absent, or may crash. */
const adapters: Readonly<Record<EngineName, () => Promise<Engine>>> = {
  openvino: async () => (await import('./openvino/openvino-engine.ts')).openvinoEngine,
  onnxruntime: async () => (await import('./onnxruntime/engine.ts')).onnxruntimeEngine,
  tensorflow: async () => (await import('./tensorflow/tensorflow-engine.ts')).tensorflowEngine,
}

/** The fastest first: OpenVINO on CPUs; on GPUs those that were built for them. */
const orderOnCpu = ['openvino', 'onnxruntime', 'tensorflow'] as const
const orderOnGpu = ['onnxruntime', 'tensorflow', 'openvino'] as const

/**
 * Loads a model with the first engine that can run it, or with the one that is named.
 * @throws ModelError when none can, or when the named one cannot
 */
export async function loadWithPreferredEngine(
  preference: 'auto' | EngineName,
  request: LoadRequest,
  { excluded = [], onTry }: Choice = {},
): Promise<Chosen> {
  const refused: Refusal[] = []
  for (const name of enginesInOrder(preference, request.device)) {
    const known = excluded.find(({ engine }) => engine === name)
    if (known !== undefined) {
      refused.push(known)
      continue
    }
    onTry?.(name)
    try {
      return { model: await loadWith(name, request), refused }
    } catch (error) {
      // What is wrong with the model itself is wrong for every engine.
      if (error instanceof ModelError && error.kind !== 'unsupported') throw error
      if (preference !== 'auto') throw await asModelError(error, request, name)
      refused.push({ engine: name, reason: messageOf(error) })
    }
  }
  throw noneLeft(request, refused)
}

/** Whether an engine can run on this machine. Loads its library. */
export async function probeEngine(name: EngineName): Promise<Availability> {
  try {
    return await (await adapters[name]()).probe()
  } catch (error) {
    return { available: false, reason: messageOf(error) }
  }
}

function enginesInOrder(preference: 'auto' | EngineName, device: string): readonly EngineName[] {
  if (preference !== 'auto') return [preference]
  return device === 'cpu' ? orderOnCpu : orderOnGpu
}

async function loadWith(name: EngineName, request: LoadRequest): Promise<LoadedModel> {
  const engine = await adapters[name]()
  const availability = await engine.probe()
  if (!availability.available) throw new ModelError('unsupported', availability.reason)
  return engine.load(request)
}

async function asModelError(
  error: unknown,
  request: LoadRequest,
  name: EngineName,
): Promise<ModelError> {
  const message = `model ${request.model} cannot run on ${name}: ${messageOf(error)}`
  const advice = await alternativeTo(name, request)
  return new ModelError('unsupported', sentences(message, advice), { cause: error })
}

/** Messages end with or without a full stop. */
function sentences(first: string, second: string): string {
  return second === '' ? first : `${first.replace(/\.$/, '')}. ${second}`
}

/** TensorFlow runs whatever it wrote, in fp32; asking whether it is there does not load it. */
async function alternativeTo(name: EngineName, request: LoadRequest): Promise<string> {
  const { precision, device } = request
  const obstacle = await obstacleOf(request)
  if (obstacle !== '') return `No engine can serve it: ${obstacle}`
  const isFp32 = precision === 'auto' || precision === 'fp32'
  if (name === 'tensorflow' || !isFp32) return ''
  const tensorflow = await probeEngine('tensorflow')
  if (!tensorflow.available || !tensorflow.devices.includes(device)) return ''
  return 'The tensorflow engine, which is installed, can run it: set ENGINE to tensorflow or auto.'
}

/** Why the service cannot feed or read the model, whatever the engine; empty where it can. */
async function obstacleOf(request: LoadRequest): Promise<string> {
  try {
    const { servedEndpoint } = await import('./tensorflow/open-model.ts')
    await servedEndpoint(request)
    return ''
  } catch (error) {
    return messageOf(error)
  }
}

function noneLeft({ model, device }: LoadRequest, refused: readonly Refusal[]): ModelError {
  const reasons = refused.map(({ engine, reason }) => `${engine}: ${reason}`).join('; ')
  const advice = device === 'cpu' ? '' : '. DEVICES=cpu serves it without a GPU'
  const message = `no engine can run model ${model} on ${device}: ${reasons}${advice}`
  return new ModelError('unsupported', message)
}
