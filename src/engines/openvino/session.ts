// Runs batches through one compiled model. Input and output live in two buffers of the largest
// batch, each wrapped in native tensors once per batch size, so that a run allocates nothing native.
import type { LoadRequest } from '../engine.ts'
import { fixedBatches, joinScores } from '../fixed-batch.ts'
import { elementTypes, type Pointer } from './c-api.ts'
import type { Handles, OpenVino } from './open-vino.ts'

export interface Session {
  /** Bytes of one crop. */
  readonly cropBytes: number
  /** @see LoadedModel.run */
  run(pixels: Uint8Array, count: number): Float32Array
  /** Frees the model too. */
  close(): void
}

export interface SessionOptions {
  readonly compiled: Pointer
  readonly height: number
  readonly width: number
  readonly classes: number
  /** What OpenVINO calls the output. */
  readonly scores: string
  readonly maxBatchSize: LoadRequest['maxBatchSize']
  readonly inputForm: LoadRequest['inputForm']
}

interface Tensors {
  readonly pixels: Pointer
  readonly scores: Pointer
}

/**
 * @param handles what the session makes is added to these, and freed with them
 * @throws Error when OpenVINO cannot make a request of the model
 */
export function createSession(
  library: OpenVino,
  handles: Handles,
  options: SessionOptions,
): Session {
  const { compiled, height, width, classes, maxBatchSize } = options
  const { c, check } = library
  const takesTensors = options.inputForm === 'tensors'
  const pixelType = takesTensors ? elementTypes.float32 : elementTypes.uint8
  const cropBytes = height * width * 3 * (takesTensors ? Float32Array.BYTES_PER_ELEMENT : 1)
  const pixels = new Uint8Array(maxBatchSize * cropBytes) // [maxBatchSize, height, width, 3]
  const scores = new Float32Array(maxBatchSize * classes) // [maxBatchSize, classes]
  const request = handles.own('ov_infer_request_free', 'making a request', (out) =>
    c.ov_compiled_model_create_infer_request(compiled, out),
  )
  const tensorsBySize = new Map<number, Tensors>()
  let closed = false

  const wrap = (type: number, shape: readonly number[], memory: Uint8Array | Float32Array) => {
    const dims = BigInt64Array.from(shape, BigInt)
    return handles.own('ov_tensor_free', 'wrapping a batch', (out) =>
      c.ov_tensor_create_from_host_ptr(type, { rank: dims.length, dims }, memory, out),
    )
  }
  const tensorsOf = (count: number): Tensors => {
    const known = tensorsBySize.get(count)
    if (known !== undefined) return known
    const made = {
      pixels: wrap(pixelType, [count, height, width, 3], pixels),
      scores: wrap(elementTypes.float32, [count, classes], scores),
    }
    tensorsBySize.set(count, made)
    return made
  }

  return {
    cropBytes,
    run(crops, count) {
      if (closed) throw new Error('the model is closed')
      assertBatch(crops, count, { cropBytes, maxBatchSize })
      pixels.set(crops)
      const tensors = tensorsOf(count)
      check(
        c.ov_infer_request_set_input_tensor_by_index(request, 0, tensors.pixels),
        'setting input',
      )
      check(
        c.ov_infer_request_set_tensor(request, options.scores, tensors.scores),
        'setting output',
      )
      check(c.ov_infer_request_infer(request), 'running')
      return scores.slice(0, count * classes)
    },
    close() {
      if (closed) return
      closed = true
      handles.close()
    },
  }
}

/** @throws RangeError */
function assertBatch(
  crops: Uint8Array,
  count: number,
  { cropBytes, maxBatchSize }: { readonly cropBytes: number; readonly maxBatchSize: number },
): void {
  if (!Number.isInteger(count) || count < 1 || count > maxBatchSize) {
    throw new RangeError(`a batch of ${count} images; 1 to ${maxBatchSize} are allowed`)
  }
  if (crops.length !== count * cropBytes) {
    throw new RangeError(
      `${crops.length} bytes for ${count} images; ${count * cropBytes} are needed`,
    )
  }
}

/** Runs of 1 to `maxBatchSize` images by a session of exactly `size`. */
export function inFixedBatches(session: Session, size: number, maxBatchSize: number): Session {
  const { cropBytes } = session
  return {
    ...session,
    run(crops, count) {
      assertBatch(crops, count, { cropBytes, maxBatchSize })
      const batches = fixedBatches(crops, size * cropBytes)
      const scores = Array.from(batches, (batch) => session.run(batch, size))
      return joinScores(scores, { size, count })
    },
  }
}
