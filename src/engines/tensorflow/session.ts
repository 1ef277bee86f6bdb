// One TensorFlow session: bytes in, scores out, and nothing left behind.
// It drives the package's binding itself. The package's predict() takes uint8 images as int32
// tensors, which it reads back and narrows again one by one, and it computes every output. Its loader
// refuses models in whose signatures, served or not, a type stands that JavaScript has no tensors of.
import type { Normalization } from '../engine.ts'
import { fixedBatches, joinScores } from '../fixed-batch.ts'
import type { Binding } from './library.ts'
import { createNormalizer } from './normalize.ts'
import { toPlanes } from './planes.ts'
import type { Endpoint, ImageInput } from './signature.ts'
import { widen } from './widen.ts'

const channels = 3

export interface Session {
  /**
   * @param pixels uint8 [count, height, width, 3]
   * @returns float32 [count, classes]
   * @throws Error with TensorFlow's message
   */
  run(pixels: Uint8Array, count: number): Float32Array
}

export interface SessionOptions {
  readonly sessionId: number
  readonly endpoint: Endpoint
  /** Null where runs are given float32 as the signature takes it, and not pixels. */
  readonly normalization: Normalization | null
}

export function createSession(binding: Binding, options: SessionOptions): Session {
  const { sessionId, endpoint } = options
  const { input, output } = endpoint
  const takesTensors = input.fed === 'float32' && options.normalization === null
  const valueBytes = takesTensors ? Float32Array.BYTES_PER_ELEMENT : 1
  const cropSize = input.height * input.width * channels * valueBytes // in bytes
  const toInput = inputStage(binding, input, options.normalization)

  /** uint8 [n, height, width, 3], with an n that the graph takes. */
  function runOnce(pixels: Uint8Array): Float32Array {
    const { height, width } = input
    const sizes = input.channelsFirst ? [channels, height, width] : [height, width, channels]
    const shape = [pixels.length / cropSize, ...sizes]
    const { dtype, values } = toInput(pixels)
    const inputId = binding.createTensor(shape, dtype, values)
    try {
      const [scores] = binding.runSavedModel(sessionId, [inputId], input.tensor, output.tensor)
      if (scores === undefined) throw new Error(`TensorFlow gave no ${output.name}`)
      try {
        requireScores(scores.shape, shape[0], output.name)
        return binding.tensorDataSync(scores.id) as Float32Array
      } finally {
        binding.deleteTensor(scores.id)
      }
    } finally {
      binding.deleteTensor(inputId)
    }
  }

  return {
    run(pixels, count) {
      const crops = pixels.subarray(0, count * cropSize)
      const size = input.batchSize ?? count
      if (size === count) return runOnce(crops)
      const scores = Array.from(fixedBatches(crops, size * cropSize), runOnce)
      return joinScores(scores, { size, count })
    },
  }
}

type InputStage = (pixels: Uint8Array) => {
  readonly dtype: number
  readonly values: Uint8Array | Int32Array | Float32Array
}

/** Pixels as the graph takes them; one that takes channels first gets planes. */
function inputStage(
  binding: Binding,
  input: ImageInput,
  normalization: Normalization | null,
): InputStage {
  const interleaved = interleavedStage(binding, input, normalization)
  if (!input.channelsFirst) return interleaved
  const area = input.height * input.width
  if (input.fed !== 'float32') return (pixels) => interleaved(toPlanes(pixels, area))
  return (pixels) => {
    const { dtype, values } = interleaved(pixels)
    return { dtype, values: toPlanes(values as Float32Array, area) }
  }
}

function interleavedStage(
  binding: Binding,
  input: ImageInput,
  normalization: Normalization | null,
): InputStage {
  if (input.fed === 'uint8') return (values) => ({ dtype: binding.TF_UINT8, values })
  // Graphs of wider integers get the pixels as they are too.
  if (input.fed === 'int32') {
    return (pixels) => ({ dtype: binding.TF_INT32, values: widen(pixels, 1) })
  }
  if (input.fed === 'int64') {
    return (pixels) => ({ dtype: binding.TF_INT64, values: widen(pixels, 2) })
  }
  if (normalization === null) {
    return ({ buffer, byteOffset, byteLength }) => ({
      dtype: binding.TF_FLOAT,
      values: new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT),
    })
  }
  const normalize = createNormalizer(normalization)
  return (pixels) => ({ dtype: binding.TF_FLOAT, values: normalize(pixels) })
}

function requireScores(shape: readonly number[], count: number | undefined, name: string): void {
  const isFlat = shape.length >= 2 && shape.slice(1, -1).every((size) => size === 1)
  if (isFlat && shape[0] === count) return
  throw new Error(`output ${name} is [${shape.join(', ')}] for ${count} images, not [N, classes]`)
}
