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
