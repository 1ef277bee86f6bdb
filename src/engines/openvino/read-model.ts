// Reads a SavedModel into OpenVINO, in one of two ways. The converted form that the onnxruntime engine
// keeps in the cache is there in a fraction of the time, with checksums; OpenVINO's own TensorFlow
// front end needs no cache and knows operators that the conversion does not. Each stands in for the
// other: OpenVINO's reader finds no variables in what tf.Module saves, for one.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelError, messageOf, StatefulModelError } from '../../errors.ts'
import { isNarrow } from '../../onnx/cast.ts'
import type { LoadRequest, ModelDescription } from '../engine.ts'
import { convertedModel, readServed } from '../onnxruntime/converted-model.ts'
import type { Pointer } from './c-api.ts'
import type { Workplace } from './compile-model.ts'
import { addConversions, boundBatch } from './prepare-model.ts'
import { chooseOutput, readInput } from './signature.ts'

/** A model of uint8 [N, height, width, 3] -> float32 [N, classes], to compile. */
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
  /** Images that a run takes, no fewer and no more; null where it takes 1 to maxBatchSize. */
  readonly batch: number | null
  /** What OpenVINO calls the output. */
  readonly scores: string
  /** How it was read. */
  readonly way: string
  /** What the graph itself computes in, where it says so. */
  readonly precision?: 'int8' | 'fp16'
  /** Why it was not read in the usual way. */
  readonly note?: string
}

/** @throws ModelError naming what is missing, corrupt or unsupported */
export async function readModel(place: Workplace, request: LoadRequest): Promise<ReadModel> {
  const [first, second] =
    request.cacheFolder === null ? [readDirectly, readConverted] : [readConverted, readDirectly]
  try {
    return await first(place, request)
  } catch (error) {
    const isFinal = error instanceof ModelError && error.kind !== 'unsupported'
    if (isFinal || error instanceof StatefulModelError) throw error
    const reason = messageOf(error)
    return await second(place, request).then(
      (read) => ({ ...read, note: `${read.way}, since otherwise: ${reason}` }),
      (failure) => {
        throw bothFailed(request, [failure, reason])
      },
    )
  }
}

function bothFailed({ model }: LoadRequest, [failure, reason]: [unknown, string]): unknown {
  if (failure instanceof ModelError && failure.kind !== 'unsupported') return failure
  const message = `model ${model} cannot be read by openvino: ${messageOf(failure)}; ${reason}`
  return new ModelError('unsupported', message, { cause: failure })
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
  if (!hasCheckpoint) return
  const { checkCheckpoint } = await import('../../savedmodel/tensor-bundle.ts')
  await checkCheckpoint(folder)
}

/** What gives more than a type of few bits may hold, or quotients between its numbers. */
const arithmetic =
  /^(Add|AddV2|AddN|Sub|Mul|Square|SquaredDifference|Neg|Pow|Prod|Sum|Mean|Cumsum|Div|TruncateDiv|FloorDiv|Invert|LeftShift)$/

/**
 * OpenVINO's reader takes a checkpoint's values for constants, and its integers end at the bounds of their type.
 * @throws StatefulModelError where variables change, ModelError `unsupported` where bytes are computed with
 */
async function checkGraph(request: LoadRequest): Promise<void> {
  const graph = await readServed(request).catch((error: unknown) => {
    // Whatever else keeps this service from reading it may be no obstacle to OpenVINO.
    if (error instanceof StatefulModelError) throw error
    return null
  })
  for (const { name, op, attributes } of graph?.nodes ?? []) {
    const type = attributes.T?.kind === 'type' ? attributes.T.value : null
    if (type === null || !isNarrow(type) || !arithmetic.test(op)) continue
    const message = `model ${request.model}: node "${name}" (${op}) computes with ${type}, which OpenVINO's own reader does otherwise than TensorFlow`
    throw new ModelError('unsupported', message)
  }
}

async function readDirectly(place: Workplace, request: LoadRequest): Promise<ReadModel> {
  const { library, core, handles } = place
  const { folder, normalization } = request
  if (request.precision === 'int8') throw new Error('int8 runs from the converted form only')
  await checkFiles(request)
  await checkGraph(request)
  const read = handles.own('ov_model_free', 'OpenVINO reads the SavedModel', (out) =>
    library.c.ov_core_read_model(core, folder, null, out),
  )
  const input = readInput(library, read)
  // Whether a graph computes across its images is known of what was converted only, so that nobody's answer
  // can depend on the company each image runs alone.
  const batch = 1
  boundBatch(library, read, { input, batch, maxBatchSize: batch })
  const output = chooseOutput(library, read, request.output)
  const model = addConversions(library, handles, {
    model: read,
    input,
    output,
    normalization: request.inputForm === 'tensors' ? null : normalization,
  })
  // Its name is the contract for what it holds; any other output is asked, by running it.
  const kind = output.name === 'probabilities' || output.name === 'logits' ? output.name : null
  const way = "read by OpenVINO's TensorFlow front end"
  return { model, input, output: { ...output, kind }, batch, scores: output.name, way }
}

async function readConverted(place: Workplace, request: LoadRequest): Promise<ReadModel> {
  const { library, core, handles } = place
  const { source, facts } = await convertedModel(request)
  const { c } = library
  const model = handles.own('ov_model_free', 'OpenVINO reads the converted model', (out) =>
    typeof source === 'string'
      ? c.ov_core_read_model(core, source, null, out)
      : c.ov_core_read_model_from_memory_buffer(core, source, source.length, null, out),
  )
  const { name, dtype, height, width, batch } = facts.input
  const input = { name, dtype, height, width }
  boundBatch(library, model, { input, batch, maxBatchSize: request.maxBatchSize })
  const scores = 'scores' // what the conversion calls its output
  const precision = facts.precision === undefined ? {} : { precision: facts.precision }
  const way = 'read as converted to ONNX'
  return { model, input, output: facts.output, batch, scores, way, ...precision }
}
