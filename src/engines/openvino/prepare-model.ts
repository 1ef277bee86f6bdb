// Makes a read model ready to compile: batches of 1 to maxBatchSize, uint8 crops in, float32 scores
// out. What a float model expects of its pixels becomes part of the graph, so that batches travel as
// bytes and the arithmetic is fused with the first layer.
import type { Normalization } from '../engine.ts'
import { elementTypes, type PartialShape, type Pointer } from './c-api.ts'
import { type Handles, type OpenVino, withHandles } from './open-vino.ts'
import type { ModelInput, ModelOutput } from './signature.ts'

type CropSize = Pick<ModelInput, 'height' | 'width'>

interface Bound {
  readonly input: CropSize
  /** The only batch size, or null for all up to `maxBatchSize`. */
  readonly batch: number | null
  readonly maxBatchSize: number
}

/** Bounds the batch dimension; the graph's other shapes follow. */
export function boundBatch(library: OpenVino, model: Pointer, bound: Bound): void {
  const { input, batch, maxBatchSize } = bound
  const { c, check } = library
  const sizes = [input.height, input.width, 3].map((size) => ({ min: size, max: size }))
  const shape = {} as PartialShape
  const [min, max] = batch === null ? [1, maxBatchSize] : [batch, batch]
  const dims = [{ min, max }, ...sizes]
  check(c.ov_partial_shape_create(dims.length, dims, shape), 'making a shape')
  try {
    check(
      c.ov_model_reshape_single_input(model, shape),
      `it cannot take batches of ${min} to ${max}`,
    )
  } finally {
    c.ov_partial_shape_free(shape)
  }
}

/** The model with uint8 input (where it is to be normalised) and float32 output, owned by `handles`. */
export function addConversions(
  library: OpenVino,
  handles: Handles,
  { model, input, output, normalization }: Conversion,
): Pointer {
  return withHandles(library, (steps) => {
    const { c } = library
    const conversion = steps.own(
      'ov_preprocess_prepostprocessor_free',
      'preparing the input',
      (out) => c.ov_preprocess_prepostprocessor_create(model, out),
    )
    if (input.dtype === 'float32' && normalization !== null)
      normalizeInput(library, steps, { conversion, normalization })
    convertOutput(library, steps, { conversion, output })
    return handles.own('ov_model_free', 'adding the normalisation', (out) =>
      c.ov_preprocess_prepostprocessor_build(conversion, out),
    )
  })
}

interface Conversion {
  readonly model: Pointer
  readonly input: ModelInput
  readonly output: ModelOutput
  /** Null where the model is given what its signature takes, and not pixels. */
  readonly normalization: Normalization | null
}

function normalizeInput(
  library: OpenVino,
  handles: Handles,
  { conversion, normalization }: { conversion: Pointer; normalization: Normalization },
): void {
  const { c, check } = library
  const doing = 'adding the normalisation'
  const info = handles.own('ov_preprocess_input_info_free', doing, (out) =>
    c.ov_preprocess_prepostprocessor_get_input_info(conversion, out),
  )
  const tensor = handles.own('ov_preprocess_input_tensor_info_free', doing, (out) =>
    c.ov_preprocess_input_info_get_tensor_info(info, out),
  )
  const model = handles.own('ov_preprocess_input_model_info_free', doing, (out) =>
    c.ov_preprocess_input_info_get_model_info(info, out),
  )
  const steps = handles.own('ov_preprocess_preprocess_steps_free', doing, (out) =>
    c.ov_preprocess_input_info_get_preprocess_steps(info, out),
  )
  const layout = handles.own('ov_layout_free', doing, (out) => c.ov_layout_create('NHWC', out))
  const { mean, std } = inPixels(normalization)
  check(c.ov_preprocess_input_tensor_info_set_element_type(tensor, elementTypes.uint8), doing)
  check(c.ov_preprocess_input_tensor_info_set_layout(tensor, layout), doing)
  check(c.ov_preprocess_input_model_info_set_layout(model, layout), doing)
  check(c.ov_preprocess_preprocess_steps_convert_element_type(steps, elementTypes.float32), doing)
  check(c.ov_preprocess_preprocess_steps_mean_multi_channels(steps, mean, mean.length), doing)
  check(c.ov_preprocess_preprocess_steps_scale_multi_channels(steps, std, std.length), doing)
}

/** `(pixel * rescale - mean) / std` as `(pixel - mean') / std'`, which is what OpenVINO's steps do. */
function inPixels({ rescale, mean, std }: Normalization) {
  if (!(Number.isFinite(rescale) && rescale !== 0)) {
    throw new Error(
      `its normalisation multiplies pixels by ${rescale}; a number other than 0 is needed`,
    )
  }
  return {
    mean: Float32Array.from(mean, (value) => value / rescale),
    std: Float32Array.from(std, (value) => value / rescale),
  }
}

function convertOutput(
  library: OpenVino,
  handles: Handles,
  { conversion, output }: { conversion: Pointer; output: ModelOutput },
): void {
  const { c, check } = library
  const doing = 'preparing the output'
  const info = handles.own('ov_preprocess_output_info_free', doing, (out) =>
    c.ov_preprocess_prepostprocessor_get_output_info_by_name(conversion, output.name, out),
  )
  const tensor = handles.own('ov_preprocess_output_tensor_info_free', doing, (out) =>
    c.ov_preprocess_output_info_get_tensor_info(info, out),
  )
  check(c.ov_preprocess_output_set_element_type(tensor, elementTypes.float32), doing)
}
