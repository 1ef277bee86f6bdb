// How many bytes of a batch one image is, in the form that its model was loaded for.
import type { LoadRequest, ModelDescription } from '../engines/engine.ts'

const channels = 3

export function cropBytesOf(
  { height, width }: ModelDescription['input'],
  { inputForm }: Pick<LoadRequest, 'inputForm'>,
): number {
  const valueBytes = inputForm === 'tensors' ? Float32Array.BYTES_PER_ELEMENT : 1
  return height * width * channels * valueBytes
}

/** @throws RangeError unless the crops are a batch that a session of this request runs */
export function checkCrops(
  crops: readonly Uint8Array[],
  input: ModelDescription['input'],
  request: Pick<LoadRequest, 'inputForm' | 'maxBatchSize'>,
): void {
  const cropBytes = cropBytesOf(input, request)
  const { maxBatchSize } = request
  const fits = crops.every((crop) => crop.byteLength === cropBytes)
  if (fits && crops.length >= 1 && crops.length <= maxBatchSize) return
  throw new RangeError(
    `a batch of ${crops.length} crops of ${crops[0]?.byteLength} bytes; allowed are 1 to ${maxBatchSize} of ${cropBytes} bytes. This is a bug.`,
  )
}
