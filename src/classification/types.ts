// What the use case takes and gives: the border between http/ (or cli/) and everything below.
import type { Cancellation } from '../cancellation.ts'
import type { ModelStatistics } from './statistics.ts'

/** A model as a request names it. */
export interface Target {
  /** `undefined` is the default model. */
  readonly model: string | undefined
  /** A version number or a label of the manifest; `undefined` is the served version. */
  readonly version: string | undefined
  /**
   * Requests with the same key get the same version where a manifest splits the traffic; absent,
   * they get the default version.
   */
  readonly key?: string
}

/** How a class-activation map is drawn: over nothing (to lay over the image), or over the crop. */
export type ExplanationForm = 'heat-map' | 'overlay'

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
  readonly signal: Cancellation
  /** SHA-256 of `image` in base64url, where the caller has it already. */
  readonly imageDigest?: string | undefined
  /** Least probability of a prediction; absent, all of the best `topK` are answered. */
  readonly threshold?: number | undefined
  /** Whether the more general terms above the classes are wanted too. */
  readonly rollup?: boolean | undefined
  /** Whether, and how, it is wanted where the best class was seen. */
  readonly explain?: ExplanationForm | undefined
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
  /** How many images ran together with this one; 0 where nothing ran for it. */
  readonly batchSize: number
  readonly origin: AnswerOrigin
  /** SHA-256 of the encoded image, made on the decoding thread. */
  readonly imageDigest: string
  /** What computed it; see `Classifier.identify`. */
  readonly identity: string
  /** Confident more general terms, the most specific first; where asked for. */
  readonly rollup?: readonly RollupTerm[]
  readonly explanation?: Explanation
}

/** Computed for this request, together with an equal one in flight, or kept from an earlier one. */
export type AnswerOrigin = 'computed' | 'shared' | 'cached'

/** A synset above the classes: its probability is the sum of theirs. */
export interface RollupTerm {
  readonly wnid: string
  readonly label: string
  readonly probability: number
  /** Steps below `entity`, the longest way. */
  readonly depth: number
  /** How many of the model's classes are below it. */
  readonly classes: number
}

/** Where the best class was seen. */
export interface Explanation {
  /** The class that was looked for. */
  readonly index: number
  readonly label: string
  readonly mediaType: 'image/png'
  readonly png: Uint8Array
  /** Size of the PNG, in pixels. */
  readonly width: number
  readonly height: number
  /** What of the original image, upright, the PNG shows, in its pixels. */
  readonly region: Region
  readonly image: { readonly width: number; readonly height: number }
}

export interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
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
  /** Answers requests that name no model either. */
  readonly default: boolean
  /** Percent of the requests that name no version which it answers. */
  readonly traffic: number
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
  /** Images that may wait; one more is refused. */
  readonly maxQueueSize: number
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
  /**
   * `logits` of a model that serves probabilities come from an output of that name; `raw` are the
   * same, or what the model serves where it has none. Absent, the scores are those that it serves.
   */
  readonly wants?: 'logits' | 'raw'
  readonly target: Target
  /** `performance.now()` by which the answer must be there. */
  readonly deadline: number
  /** Aborted when the client has gone or the deadline has passed; its reason is the error to throw. */
  readonly signal: Cancellation
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

/** Something in the model repository that cannot be used, for the operator. */
export interface RepositoryState {
  /** Empty where it is the whole repository's. */
  readonly model: string
  readonly version: string | null
  readonly message: string
}

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
  problems(): readonly RepositoryState[]
  /** The labels of a model's classes. @throws ServiceError model_not_found, version_not_found */
  labels(target: Target): readonly LabelRow[]
  /** True when every model that should be served is warm and nothing drains. */
  ready(): boolean
}
