// OpenVINO as an engine: the fastest on CPUs, most of all on those that compute in bf16. It runs
// through its C library, which `npm run setup:openvino` gets, and reads SavedModels by itself.
import { ModelError, messageOf } from '../../errors.ts'
import type { Availability, Engine, LoadedModel, LoadRequest } from '../engine.ts'
import { findScoreKind } from '../score-kind.ts'
import { compileModel } from './compile-model.ts'
import { findLibrary } from './find-library.ts'
import { Handles, loadOpenVino, type OpenVino } from './open-vino.ts'
import { readModel } from './read-model.ts'
import { createSession, inFixedBatches } from './session.ts'
import { trimMemory } from './trim-memory.ts'

export const openvinoEngine: Engine = { name: 'openvino', probe, load }

async function probe(): Promise<Availability> {
  try {
    const library = await open()
    return { available: true, version: library.version, devices: ['cpu'] }
  } catch (error) {
    return { available: false, reason: messageOf(error) }
  }
}

async function load(request: LoadRequest): Promise<LoadedModel> {
  const library = await open()
  if (request.device !== 'cpu') {
    throw new ModelError(
      'unsupported',
      `model ${request.model}: the openvino engine runs on cpu, not on ${request.device}`,
    )
  }
  try {
    const model = await loadWith(library, request)
    await trimMemory()
    return model
  } catch (error) {
    if (error instanceof ModelError) throw error
    throw new ModelError(
      'unsupported',
      `model ${request.model} cannot run on openvino: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** @throws ModelError with what to do about it */
async function open(): Promise<OpenVino> {
  const path = findLibrary()
  if (path === null) throw new ModelError('unsupported', whyNotFound())
  try {
    return await loadOpenVino(path)
  } catch (error) {
    const message = `OpenVINO at ${path} cannot be used: ${messageOf(error)}`
    throw new ModelError('unsupported', message, { cause: error })
  }
}

function whyNotFound(): string {
  const folder = process.env.OPENVINO_LIB_DIR
  return folder
    ? `OPENVINO_LIB_DIR is ${folder}, where OpenVINO's C library is not: correct it, or unset it`
    : 'OpenVINO is not installed: run `npm run setup:openvino`'
}

async function loadWith(library: OpenVino, request: LoadRequest): Promise<LoadedModel> {
  // What was read may go when it is compiled; the core must outlive what it compiled.
  const lasting = new Handles(library)
  const reading = new Handles(library)
  try {
    const core = lasting.own('ov_core_free', 'starting', (out) => library.c.ov_core_create(out))
    const read = await readModel({ library, core, handles: reading }, request)
    const { input, output, batch, scores, note } = read
    const openSession = async (changes: Partial<LoadRequest>) => {
      const changed = { ...request, ...changes }
      const place = { library, core, handles: lasting }
      const { compiled, precision } = await compileModel(place, read.model, changed)
      const { maxBatchSize, inputForm } = changed
      const size = { height: input.height, width: input.width, classes: output.classes }
      const form = { compiled, ...size, scores, maxBatchSize: batch ?? maxBatchSize, inputForm }
      const session = createSession(library, lasting, form)
      const fitting = batch === null ? session : inFixedBatches(session, batch, maxBatchSize)
      return { precision, session: fitting }
    }
    const { session, precision } = await openSession({})
    const { threadsAlone } = request
    const alone =
      threadsAlone === undefined
        ? undefined
        : (await openSession({ threads: threadsAlone, maxBatchSize: 1 })).session
    const ask = () => findScoreKind(session.cropBytes, session.run)
    // The bytes of pixels are noise as floats: sessions of pixels tell the kind of a model's scores.
    const kind = output.kind ?? (request.inputForm === 'tensors' ? 'logits' : await ask())
    // A first trial in any case: what cannot run should not be found out by the first client.
    if (output.kind !== null) session.run(new Uint8Array(session.cropBytes), 1)
    return {
      description: {
        engine: 'openvino',
        engineVersion: library.version,
        device: request.device,
        precision: read.precision ?? precision,
        input,
        output: { ...output, kind },
        ...(note === undefined ? {} : { note }),
      },
      run: async (pixels, count) => session.run(pixels, count),
      ...(alone !== undefined && { runAlone: async (pixels) => alone.run(pixels, 1) }),
      async close() {
        alone?.close()
        session.close()
      },
    }
  } catch (error) {
    lasting.close()
    throw error
  } finally {
    reading.close()
  }
}
