// What the use case takes and gives: the border between http/ (or cli/) and everything below.
import type { ModelStatistics } from './statistics.ts'

/** A model as a request names it. */
export interface Target {
  /** `undefined` is the default model. */
  readonly model: string | undefined
  /** A version number or a label of the manifest; `undefined` is the served version. */
  readonly version: string | undefined
}

export interface ClassifyRequest {
  /** Encoded bytes; may be moved to another thread, so the caller must not read them afterwards. */
  readonly image: Uint8Array
  /** Models to ask, on one decode. */
  readonly targets: readonly Target[]
  /** 1…1000 */
  readonly topK: number
  /** `performance.now()` by which the answer must be there. */
  readonly deadline: number
  /** Aborted when the client has gone or the deadline has passed; its reason is the error to throw. */
  readonly signal: AbortSignal
}

export interface Prediction {
  readonly index: number
  /** WordNet id, e.g. n01443537; absent where labels are the model's own. */
  readonly wnid?: string
  readonly label: string
  readonly probability: number
}

export interface Classification {
  readonly model: string
  readonly version: string
  readonly weights: 'pretrained' | 'random' | 'custom'
  readonly predictions: readonly Prediction[]
  readonly timing: StageTiming
  /** How many images ran together with this one. */
  readonly batchSize: number
  /** SHA-256 of the encoded image, made on the decoding thread. */
  readonly imageDigest: string
  /** What computed it; see `Classifier.identify`. */
  readonly identity: string
}

/** Milliseconds of each stage. */
export interface StageTiming {
  readonly decodeMs: number
  readonly queueMs: number
  readonly inferMs: number
}

export interface LabelRow {
  readonly index: number
  readonly wnid?: string
  readonly label: string
}

export interface ModelState {
  readonly model: string
  readonly version: string
  readonly state: 'loading' | 'ready' | 'failed' | 'unloading'
  /** Why it failed, for the operator. */
  readonly message?: string
  /** Answers requests that name no version. */
  readonly served: boolean
  readonly labels: readonly string[]
  readonly weights: { readonly kind: string; readonly source?: string; readonly licence?: string }
  readonly preprocess: {
    readonly resizeShortSide: number | null
    readonly cropSize: number
    readonly interpolation: string
    readonly rescale: number
    readonly mean: readonly number[]
    readonly std: readonly number[]
  }
  /** Undefined while it loads. */
  readonly input?: {
    readonly name: string
    readonly dtype: string
    readonly shape: readonly number[]
  }
  readonly output?: { readonly name: string; readonly kind: string; readonly classes: number }
  readonly engine?: EngineState
  readonly sessions: Readonly<Record<'starting' | 'idle' | 'busy', number>>
  readonly queueDepth: number
  readonly maxBatchSize: number
}

export interface EngineState {
  readonly name: string
  readonly version: string
  readonly device: string
  readonly precision: string
  readonly threads: number
  /** Engines that were preferred but refused, and why. */
  readonly refused: readonly { readonly engine: string; readonly reason: string }[]
}

export type ScoreInput =
  /** Encoded bytes; may be moved to another thread. */
  | { readonly form: 'image'; readonly bytes: Uint8Array }
  /** uint8 [height, width, 3] of the model's own size, RGB. */
  | { readonly form: 'pixels'; readonly bytes: Uint8Array }
  /** The bytes of float32 [height, width, 3], as the model's signature takes it. */
  | { readonly form: 'tensor'; readonly bytes: Uint8Array }

export interface ScoreRequest {
  readonly input: ScoreInput
  readonly target: Target
  /** `performance.now()` by which the answer must be there. */
  readonly deadline: number
  /** Aborted when the client has gone or the deadline has passed; its reason is the error to throw. */
  readonly signal: AbortSignal
}

export interface ScoredImage {
  readonly model: string
  readonly version: string
  /** float32 [classes] */
  readonly scores: Float32Array
  readonly kind: 'logits' | 'probabilities'
  /** One row a class, in the order of the scores. */
  readonly labels: readonly LabelRow[]
  readonly timing: StageTiming
  readonly batchSize: number
}

/** @throws ServiceError */
export type Score = (request: ScoreRequest) => Promise<ScoredImage>

/** The use case: everything http/ and its dialects call. */
export interface Classifier {
  /**
   * One classification a target, in order.
   * @throws ServiceError
   */
  classify(request: ClassifyRequest): Promise<readonly Classification[]>
  /**
   * Refuses now what could not be answered in time: before the body is read.
   * @throws ServiceError model_not_found, version_not_found, not_ready, draining, overloaded, deadline_exceeded
   */
  admit(targets: readonly Target[], deadline: number): void
  /** The scores of all classes for one image, which may come as a tensor. @throws ServiceError */
  score: Score
  models(): readonly ModelState[]
  /** @throws ServiceError model_not_found, version_not_found */
  state(target: Target): ModelState
  /** What every served version did so far. */
  statistics(): readonly ModelStatistics[]
  /**
   * What decides the targets' answers to one image, as text: equal texts, equal answers.
   * `undefined` where one of the targets is not served right now.
   */
  identify(targets: readonly Target[]): readonly string[] | undefined
  /** The labels of a model's classes. @throws ServiceError model_not_found, version_not_found */
  labels(target: Target): readonly LabelRow[]
  /** True when every model that should be served is warm and nothing drains. */
  ready(): boolean
}
