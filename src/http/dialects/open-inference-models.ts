// What V2 clients ask about a model: metadata, Triton's configuration and statistics.
import type { ModelStatistics, Tally } from '../../classification/statistics.ts'
import type { ModelState } from '../../classification/types.ts'
import { maxImages } from './limits.ts'
import { imageInputOf } from './tensor-values.ts'

const platform = 'tensorflow_savedmodel'

/** @param versions all that answer, as numbers */
export function modelMetadata(state: ModelState, versions: readonly string[]) {
  const { name, dtype, height, width } = imageInputOf(state)
  const { output } = state
  return {
    name: state.model,
    versions,
    platform,
    inputs: [
      {
        name,
        datatype: dtype === 'uint8' ? 'UINT8' : 'FP32',
        shape: [-1, height, width, 3],
        parameters: { also_takes: alsoTakes(dtype) },
      },
    ],
    outputs: [{ name: output?.name, datatype: 'FP32', shape: [-1, output?.classes] }],
  }
}

/** A tensor of the signature's own type reaches the model as it is; these are prepared for it. */
function alsoTakes(dtype: 'uint8' | 'float32'): string {
  const encoded = 'BYTES [N]: encoded images, resized, cropped and normalised by the service'
  if (dtype === 'uint8') return encoded
  return `${encoded}; UINT8 of the same shape: RGB pixels, normalised by the model's manifest`
}

/** https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_configuration.md */
export function modelConfig(state: ModelState) {
  const { name, dtype, height, width } = imageInputOf(state)
  const { output, maxBatchSize, sessions, engine } = state
  return {
    name: state.model,
    platform,
    backend: engine?.name,
    version_policy: { specific: { versions: [Number(state.version)] } },
    // What one request may hold; the service makes batches of its own.
    max_batch_size: maxImages,
    input: [
      {
        name,
        data_type: dtype === 'uint8' ? 'TYPE_UINT8' : 'TYPE_FP32',
        format: 'FORMAT_NHWC',
        dims: [height, width, 3],
      },
    ],
    output: [
      {
        name: output?.name,
        data_type: 'TYPE_FP32',
        dims: [output?.classes],
        label_filename: 'labels.txt',
      },
    ],
    dynamic_batching: { preferred_batch_size: [maxBatchSize], max_queue_delay_microseconds: 0 },
    instance_group: [
      {
        name: `${state.model}_0`,
        kind: engine?.device.startsWith('cuda') ? 'KIND_GPU' : 'KIND_CPU',
        count: sessions.starting + sessions.idle + sessions.busy,
      },
    ],
  }
}

/** https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md */
export function modelStatistics(stats: ModelStatistics) {
  const none = { count: 0, ns: 0 }
  return {
    name: stats.model,
    version: stats.version,
    last_inference: stats.lastInferenceAt,
    inference_count: stats.images,
    execution_count: stats.executions,
    inference_stats: {
      success: duration(stats.success),
      fail: duration(stats.fail),
      queue: duration(stats.queue),
      compute_input: duration(stats.input),
      compute_infer: duration(stats.infer),
      compute_output: none,
      cache_hit: none,
      cache_miss: none,
    },
    response_stats: {},
    batch_stats: stats.batches.map(({ batchSize, infer }) => ({
      batch_size: batchSize,
      compute_input: none,
      compute_infer: duration(infer),
      compute_output: none,
    })),
    memory_usage: [],
  }
}

function duration({ count, ms }: Tally) {
  return { count, ns: Math.round(ms * 1e6) }
}
