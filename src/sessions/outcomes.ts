// What the crops of a batch come to.

/** Scores of one crop: float32 [classes], as the model gave them (logits or probabilities). */
export interface Scores {
  readonly scores: Float32Array
  /** Milliseconds the engine spent on the whole batch. */
  readonly inferMs: number
}

/** What one crop came to (the same shape as batching's Outcome, which this room may not import). */
export type CropOutcome =
  | { readonly ok: true; readonly value: Scores }
  | { readonly ok: false; readonly error: unknown }
