// TensorFlow itself as an engine: runs any SavedModel exactly as its author's TensorFlow would.
// It is @tensorflow/tfjs-node-gpu over the libraries that `npm run setup:tensorflow` installed.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ModelError, messageOf } from '../../errors.ts'
import { readSavedModel } from '../../savedmodel/read-saved-model.ts'
import { writeSavedModel } from '../../savedmodel/write-saved-model.ts'
import type { Availability, Engine, LoadedModel, LoadRequest, ModelDescription } from '../engine.ts'
import { nvidiaGpus } from '../nvidia-gpus.ts'
import { kindOf, mixesImages, type Run, trialCrops } from '../score-kind.ts'
import { findInstallation, type Installation } from './installation.ts'
import { type Binding, loadLibrary, packageFile, packageName, type TensorFlow } from './library.ts'
import { runError, UnfilledVariableError } from './model-errors.ts'
import { openModel, servedEndpoint } from './open-model.ts'
import { createSession, type Session, type SessionOptions } from './session.ts'
import type { Endpoint, ImageInput } from './signature.ts'

const setupCommand = 'npm run setup:tensorflow'

export const tensorflowEngine: Engine = { name: 'tensorflow', probe, load }

/**
 * Looks at what is installed, without loading it: TensorFlow keeps the settings of its first load,
 * and weighs 400 MB.
 */
async function probe(): Promise<Availability> {
  const found = await requireInstallation().catch((error) => messageOf(error))
  if (typeof found === 'string') return { available: false, reason: found }
  const devices = ['cpu', ...(found.cuda ? nvidiaGpus() : [])]
  return { available: true, version: found.version, devices }
}

async function load(request: LoadRequest): Promise<LoadedModel> {
  try {
    return await loadAsSaved(request)
  } catch (error) {
    if (!(error instanceof UnfilledVariableError)) throw error
    return await loadWithConstants(request, error)
  }
}

/** The model with its variables as constants: read and written by ourselves, run by TensorFlow. */
async function loadWithConstants(
  request: LoadRequest,
  reason: UnfilledVariableError,
): Promise<LoadedModel> {
  const parent = await mkdtemp(join(tmpdir(), 'resnet-serving-constants-'))
  try {
    const folder = join(parent, '1')
    try {
      const { endpoint } = await servedEndpoint(request)
      const outputs = [endpoint.output.name]
      await writeSavedModel(folder, await readSavedModel(request.folder, { outputs }))
    } catch {
      throw reason
    }
    const loaded = await loadAsSaved({ ...request, folder })
    const note = `its variables were made constants, because ${reason.message}`
    return { ...loaded, description: { ...loaded.description, note } }
  } finally {
    await rm(parent, { recursive: true, force: true })
  }
}

async function loadAsSaved(request: LoadRequest): Promise<LoadedModel> {
  const installation = await requireInstallation()
  requireSupported(request)
  await requireFiles(request)
  const { binding } = loadTensorFlow(installation, request).backend()
  requireDevice(binding, installation, request)
  const { endpoint, sessionId } = await openModel(binding, request)
  try {
    const normalization = request.inputForm === 'tensors' ? null : request.normalization
    const options = { sessionId, endpoint, normalization }
    const first = createSession(binding, options)
    const { kind, classes } = askOutput(first, endpoint, request)
    const session = await keepApart(first, options, { binding, request })
    const { input, output } = endpoint
    return {
      description: {
        engine: 'tensorflow',
        engineVersion: binding.TF_Version,
        device: request.device,
        precision: 'fp32',
        input: describeInput(input),
        output: { name: output.name, kind, classes },
      },
      run: async (pixels, count) => session.run(pixels, count),
      close: async () => binding.deleteSavedModel(sessionId),
    }
  } catch (error) {
    binding.deleteSavedModel(sessionId)
    throw error
  }
}

/** Pixels go to a graph of any integers, floats to one of any floats: for those who ask, of these. */
function describeInput({ name, fed, height, width }: ImageInput): ModelDescription['input'] {
  return { name, dtype: fed === 'float32' ? 'float32' : 'uint8', height, width }
}

/** @throws ModelError with the reason for the operator */
async function requireInstallation(): Promise<Installation> {
  const unavailable = (reason: string) => new ModelError('unsupported', reason)
  if (process.platform !== 'linux') {
    throw unavailable(`the tensorflow engine runs on Linux, not on ${process.platform}`)
  }
  try {
    packageFile()
  } catch {
    throw unavailable(
      `${packageName} is not installed: run \`npm ci\` without leaving out optional packages, ` +
        `then \`${setupCommand}\``,
    )
  }
  const installation = await findInstallation()
  if (installation === null) {
    throw unavailable(`TensorFlow's libraries are not installed: run \`${setupCommand}\``)
  }
  return installation
}

function requireSupported({ model, device, precision }: LoadRequest): void {
  if (device !== 'cpu' && !/^cuda:\d+$/.test(device)) {
    throw new ModelError(
      'unsupported',
      `model ${model}: the tensorflow engine runs on cpu and cuda:N, not on ${device}`,
    )
  }
  if (precision !== 'auto' && precision !== 'fp32') {
    throw new ModelError(
      'unsupported',
      `model ${model}: the tensorflow engine computes in fp32, not in ${precision}; ` +
        'set PRECISION to auto or fp32',
    )
  }
}

async function requireFiles({ model, folder }: LoadRequest): Promise<void> {
  const files = await readdir(folder).catch((error) => {
    throw new ModelError('missing', `model ${model}: cannot read ${folder}: ${messageOf(error)}`)
  })
  if (files.includes('saved_model.pb')) return
  if (files.includes('saved_model.pbtxt')) {
    throw new ModelError(
      'unsupported',
      `model ${model}: ${folder} holds a SavedModel in text form (saved_model.pbtxt); ` +
        'save it in binary form',
    )
  }
  throw new ModelError('missing', `model ${model}: there is no saved_model.pb in ${folder}`)
}

function loadTensorFlow(installation: Installation, request: LoadRequest): TensorFlow {
  try {
    return loadLibrary(installation, request)
  } catch (error) {
    throw new ModelError(
      'unsupported',
      `TensorFlow ${installation.version} does not load: ${messageOf(error)}. ` +
        `Run \`${setupCommand} -- --force\` to install it anew`,
      { cause: error },
    )
  }
}

function requireDevice(
  binding: Binding,
  { version, source }: Installation,
  { model, device }: LoadRequest,
): void {
  if (device === 'cpu' || binding.isUsingGpuDevice()) return
  throw new ModelError(
    'unsupported',
    `model ${model}: TensorFlow ${version} (${source}) finds no GPU for ${device}. It needs the ` +
      `CUDA build (\`${setupCommand} -- --gpu\`), NVIDIA's driver, and a GPU that CUDA_VISIBLE_DEVICES ` +
      'does not hide',
  )
}

/**
 * The first runs, which also find what only a run can tell: that every variable has a value, how many classes
 * there are, and whether the scores are probabilities already.
 */
function askOutput(session: Session, { input, output }: Endpoint, request: LoadRequest) {
  const cropSize = input.height * input.width * 3
  // As the bytes of floats crops would be noise, so a session of tensors is shown zeros.
  const crops =
    request.inputForm === 'tensors'
      ? [new Uint8Array(cropSize * Float32Array.BYTES_PER_ELEMENT)]
      : trialCrops(cropSize)
  try {
    const scores = crops.map((crop) => session.run(crop, 1))
    return { kind: output.kind ?? kindOf(scores), classes: scores[0]?.length ?? 0 }
  } catch (error) {
    throw runError(request.model, error)
  }
}

/**
 * The session, or one that runs an image at a time where images that run together would change each
 * other's scores.
 */
async function keepApart(
  session: Session,
  options: SessionOptions,
  { binding, request }: { readonly binding: Binding; readonly request: LoadRequest },
): Promise<Session> {
  const { endpoint } = options
  const { input } = endpoint
  if (input.batchSize !== null || request.maxBatchSize === 1) return session
  const bytes = input.height * input.width * 3
  const run: Run = (crops, count) => session.run(asFed(crops, request), count)
  if (!(await mixesImages(bytes, run))) return session
  return createSession(binding, {
    ...options,
    endpoint: { ...endpoint, input: { ...input, batchSize: 1 } },
  })
}

/** Crops as a session of tensors takes them: the bytes of floats. */
function asFed(crops: Uint8Array, { inputForm }: LoadRequest): Uint8Array {
  if (inputForm !== 'tensors') return crops
  return new Uint8Array(Float32Array.from(crops, (value) => value / 255).buffer)
}
