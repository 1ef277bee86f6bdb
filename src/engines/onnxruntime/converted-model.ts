// A SavedModel as ONNX: taken from the cache where it holds one, converted otherwise.
import { type Conversion, conversionVersion, convertGraph } from '../../onnx/convert.ts'
import { encodeModel } from '../../onnx/encode.ts'
import { readSavedModel } from '../../savedmodel/read-saved-model.ts'
import type { LoadRequest, Normalization } from '../engine.ts'
import { readEntry, writeEntry } from './conversion-cache.ts'
import { hashModel } from './model-hash.ts'
import type { ConvertedModel } from './model-source.ts'

type Source = Pick<
  LoadRequest,
  'model' | 'folder' | 'cacheFolder' | 'normalization' | 'output' | 'inputForm'
>

/** @throws ModelError where the model is missing, corrupt, or cannot be converted */
export async function convertedModel(request: Source): Promise<ConvertedModel> {
  const { cacheFolder } = request
  if (cacheFolder === null) return convertInMemory(await convert(request))
  const key = await cacheKey(request)
  const cached = await readEntry(cacheFolder, key)
  if (cached !== null) return cached
  const conversion = await convert(request)
  try {
    return await writeEntry(cacheFolder, key, conversion)
  } catch {
    // A read-only or full disk costs the next start time, nothing else.
    return convertInMemory(conversion)
  }
}

async function convert(source: Source): Promise<Conversion> {
  const { model, folder, output } = source
  const inputStage = chooseInputStage(source)
  return convertGraph(await readSavedModel(folder), { model, output, inputStage })
}

function convertInMemory({ onnx, ...facts }: Conversion): ConvertedModel {
  return { source: encodeModel(onnx), facts }
}

/** Everything the converted graph depends on. */
function cacheKey(source: Source): Promise<string> {
  const { folder, output } = source
  return hashModel(folder, { conversionVersion, output, inputStage: chooseInputStage(source) })
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
