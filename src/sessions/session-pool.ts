// The pool: N session processes that hold one version of one model, replaced when they die.
import type { ModelDescription } from '../engines/engine.ts'

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

/** The right to run one batch on an idle session, with its device's permit held. */
export interface SessionLease {
  /** uint8 [height, width, 3] each; one outcome a crop, in order. Uses the lease up. */
  run(crops: readonly Uint8Array[]): Promise<readonly CropOutcome[]>
  release(): void
}

/** What sessions tell the rest of the service about themselves. */
export interface SessionObserver {
  /** A session changed state; `gone` sessions are forgotten. */
  state(session: number, state: 'starting' | 'idle' | 'busy' | 'gone'): void
  /** A session ended without being asked to. */
  died(session: number, reason: SessionDeath): void
}

export type SessionDeath = 'exit' | 'signal' | 'hang' | 'memory' | 'protocol' | 'load'

export interface SessionPool {
  /** What the sessions run, once the first is warm. */
  readonly description: ModelDescription
  readonly refused: readonly { readonly engine: string; readonly reason: string }[]
  readonly counts: Readonly<Record<'starting' | 'idle' | 'busy', number>>
  /** Resolves when a session is idle and its device has a permit to spare. */
  lease(): Promise<SessionLease>
  /** Lets running batches finish, then ends every session process. */
  close(): Promise<void>
}
