// ONNX Runtime's own words, for people: what CUDA's libraries report comes wrapped in C++ signatures,
// source files and line breaks.
import { messageOf } from '../../errors.ts'

/** `CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=…`; also CUDNN and CUBLAS. */
const cudaFailure = /\bCU\w+ failure -?\d+: [^;]+/

/** One line, without a full stop at its end. */
export function wordsOf(error: unknown): string {
  const message = messageOf(error).replace(/\s+/g, ' ')
  const [words] = cudaFailure.exec(message) ?? [message]
  return words.trim().replace(/\.$/, '')
}
