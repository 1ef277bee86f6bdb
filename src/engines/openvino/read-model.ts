// Reads a SavedModel into OpenVINO: by OpenVINO's own TensorFlow front end, and where that cannot
// (it finds no variables in what tf.Module saves, for one), as the ONNX that onnxruntime would run.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError, messageOf } from '../../errors.ts'
import { checkCheckpoint } from '../../savedmodel/tensor-bundle.ts'
import type { LoadRequest, ModelDescription } from '../engine.ts'
import { convertedModel } from '../onnxruntime/converted-model.ts'
import type { Pointer } from './c-api.ts'
import type { Workplace } from './compile-model.ts'
import { addConversions, boundBatch } from './prepare-model.ts'
import { chooseOutput, readInput } from './signature.ts'

/** A model of uint8 [1..maxBatchSize, height, width, 3] -> float32 [N, classes], to compile. */
export interface ReadModel {
  readonly model: Pointer
  /** As the SavedModel's signature has it. */
  readonly input: ModelDescription['input']
  readonly output: {
    readonly name: string
    readonly classes: number
    /** `null` where reading did not tell. */
    readonly kind: ModelDescription['output']['kind'] | null
  }
  /** What OpenVINO calls the output. */
  readonly scores: string
  /** How it was read, where not the usual way. */
  readonly note?: string
}

/** @throws ModelError naming what is missing, corrupt or unsupported */
export async function readModel(place: Workplace, request: LoadRequest): Promise<ReadModel> {
  await checkFiles(request)
  try {
    return readDirectly(place, request)
  } catch (error) {
    return readConverted(place, request, messageOf(error))
  }
}

/** OpenVINO takes weights as they are: what a disk did to them would go unnoticed. */
async function checkFiles({ model, folder }: LoadRequest): Promise<void> {
  await access(join(folder, 'saved_model.pb')).catch((error) => {
    throw new ModelError('missing', `model ${model}: there is no saved_model.pb in ${folder}`, {
      cause: error,
    })
  })
  const hasCheckpoint = await access(join(folder, 'variables/variables.index')).then(
    () => true,
    () => false,
  )
  if (hasCheckpoint) await checkCheckpoint(folder)
}

function readDirectly({ library, core, handles }: Workplace, request: LoadRequest): ReadModel {
  const read = handles.own('ov_model_free', 'reading the SavedModel', (out) =>
    library.c.ov_core_read_model(core, request.folder, null, out),
  )
  const input = readInput(library, read)
  boundBatch(library, read, { input, maxBatchSize: request.maxBatchSize })
  const output = chooseOutput(library, read, request.output)
  const { normalization } = request
  const model = addConversions(library, handles, { model: read, input, output, normalization })
  // Its name is the contract for what it holds; any other output is asked, by running it.
  const kind = output.name === 'probabilities' || output.name === 'logits' ? output.name : null
  return { model, input, output: { ...output, kind }, scores: output.name }
}

async function readConverted(
  { library, core, handles }: Workplace,
  request: LoadRequest,
  reason: string,
): Promise<ReadModel> {
  const { source, facts } = await convertedModel(request).catch((error) => {
    if (!(error instanceof ModelError) || error.kind !== 'unsupported') throw error
    const message = `${error.message} OpenVINO's own reader says: ${reason}`
    throw new ModelError('unsupported', message, { cause: error })
  })
  const { c } = library
  const model = handles.own('ov_model_free', 'reading the model as ONNX', (out) =>
    typeof source === 'string'
      ? c.ov_core_read_model(core, source, null, out)
      : c.ov_core_read_model_from_memory_buffer(core, source, source.length, null, out),
  )
  const { name, height, width } = facts.input
  const dtype = facts.input.dtype === 'uint8' ? 'uint8' : 'float32'
  const input = { name, dtype, height, width } as const
  boundBatch(library, model, { input, maxBatchSize: request.maxBatchSize })
  const note = `read as converted to ONNX, since OpenVINO's own reader says: ${reason}`
  return { model, input, output: facts.output, scores: 'scores', note }
}
