// What a session is opened from: an ONNX model, and what must be known about it.
import type { Conversion } from '../../onnx/convert.ts'

/** What a session must know about a converted model. */
export type ModelFacts = Omit<Conversion, 'onnx'>

export interface ConvertedModel {
  /** The path of a model file, or a model's bytes. */
  readonly source: string | Uint8Array
  readonly facts: ModelFacts
}
