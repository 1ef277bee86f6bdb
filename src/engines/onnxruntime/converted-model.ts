// A SavedModel as ONNX: taken from the cache where it holds one, converted otherwise. What converts is
// loaded only then: it would take a tenth of a start that finds its model.
import { ModelError, messageOf } from '../../errors.ts'
import type { Conversion } from '../../onnx/convert.ts'
import type { Ranges } from '../../onnx/quantize.ts'
import { conversionVersion, halveVersion, quantizeVersion } from '../../onnx/versions.ts'
import type { LoadRequest, Normalization } from '../engine.ts'
import { readEntry, writeEntry } from './conversion-cache.ts'
import { hashModel } from './model-hash.ts'
import type { ConvertedModel } from './model-source.ts'
import { quantizationFile, readQuantization } from './quantization.ts'

/** What is converted, and how. */
type Source = Pick<
  LoadRequest,
  | 'model'
  | 'folder'
  | 'cacheFolder'
  | 'normalization'
  | 'output'
  | 'openSize'
  | 'inputForm'
  | 'precision'
> & {
  /** Whether the graph shall compute in float16. */
  readonly isHalved?: boolean
}

/** @throws ModelError where the model is missing, corrupt, or cannot be converted */
export async function convertedModel(request: Source): Promise<ConvertedModel> {
  const { cacheFolder } = request
  const ranges = await wantedRanges(request)
  if (cacheFolder === null) return await convertInMemory(await convert(request, ranges))
  const key = await cacheKey(request, ranges)
  const cached = await readEntry(cacheFolder, key)
  if (cached !== null) return cached
  const conversion = await convert(request, ranges)
  try {
    // Files that were replaced meanwhile: what was read is not what the key says, now or for ever.
    if ((await cacheKey(request, ranges)) !== key) return await convertInMemory(conversion)
    return await writeEntry(cacheFolder, key, conversion)
  } catch {
    // A read-only or full disk costs the next start time, nothing else.
    return await convertInMemory(conversion)
  }
}

async function convert(source: Source, ranges: Ranges | null): Promise<Conversion> {
  const { model, output, openSize } = source
  const inputStage = chooseInputStage(source)
  const { convertGraph } = await import('../../onnx/convert.ts')
  const conversion = convertGraph(await readServed(source), {
    model,
    output,
    inputStage,
    ...(openSize === undefined ? {} : { openSize }),
  })
  if (source.isHalved) {
    const { halveModel } = await import('../../onnx/halve.ts')
    return { ...conversion, precision: 'fp16', onnx: halveModel(conversion.onnx) }
  }
  if (ranges === null) return conversion
  const { quantizeModel } = await import('../../onnx/quantize.ts')
  try {
    return { ...conversion, precision: 'int8', onnx: quantizeModel(conversion.onnx, ranges) }
  } catch (error) {
    const advice = 'make the version again with `models quantize`'
    const message = `model ${model}: its ${quantizationFile} does not fit it: ${messageOf(error)}; ${advice}`
    throw new ModelError('corrupt', message, { cause: error })
  }
}

/** The graph of what is served. @throws ModelError as readSavedModel */
export async function readServed({
  model,
  folder,
  output,
}: Pick<LoadRequest, 'model' | 'folder' | 'output'>) {
  const { outputsToRead } = await import('../../onnx/select-output.ts')
  const { readSavedModel } = await import('../../savedmodel/read-saved-model.ts')
  return await readSavedModel(folder, {
    outputs: (outputs) => outputsToRead(outputs, model, output),
  })
}

/** The ranges to quantise with; null where the version is not an int8 one, or is not to run as one. */
async function wantedRanges(source: Source): Promise<Ranges | null> {
  const { model, folder, precision, inputForm } = source
  // Tensors come without our normalisation, which the ranges were measured with.
  if (inputForm === 'tensors') return null
  const quantization = await readQuantization(folder, model)
  if (precision === 'int8' && quantization === null) {
    const what = `model ${model}: PRECISION is int8, and this version is not quantised`
    throw new ModelError('unsupported', `${what}; \`models quantize ${model}\` makes one that is.`)
  }
  return precision === 'int8' || precision === 'auto' ? (quantization?.ranges ?? null) : null
}

async function convertInMemory({ onnx, ...facts }: Conversion): Promise<ConvertedModel> {
  const { encodeModel } = await import('../../onnx/encode.ts')
  return { source: encodeModel(onnx), facts }
}

/** Everything the converted graph depends on. */
function cacheKey(source: Source, ranges: Ranges | null): Promise<string> {
  const { folder, output, openSize } = source
  const inputStage = chooseInputStage(source)
  const quantization = ranges === null ? {} : { quantizeVersion, ranges }
  const halving = source.isHalved ? { halveVersion } : {}
  const how = { ...quantization, ...halving }
  return hashModel(folder, { conversionVersion, output, openSize, inputStage, ...how })
}

function chooseInputStage({ inputForm, normalization }: Source) {
  return inputForm === 'tensors' ? null : inputStageOf(normalization)
}

/** (pixel * rescale - mean) / std as pixel * scale + offset. */
export function inputStageOf({ rescale, mean, std }: Normalization) {
  const [r, g, b] = std
  return {
    scale: [rescale / r, rescale / g, rescale / b] as const,
    offset: [-mean[0] / r, -mean[1] / g, -mean[2] / b] as const,
  }
}
