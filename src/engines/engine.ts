// The seam between a session process and what computes: every engine is these few verbs.

export type EngineName = 'onnxruntime' | 'tensorflow' | 'openvino'

/** What an engine may compute in; `auto` leaves the choice to the engine and the device. */
export type Precision = 'fp32' | 'bf16' | 'fp16' | 'int8'

/** How uint8 RGB becomes the float input of a model: `(pixel * rescale - mean) / std` a channel. */
export interface Normalization {
  readonly rescale: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

/** What to load, where, and with what share of the machine. Crosses to the session process as JSON. */
export interface LoadRequest {
  /** Model name, for messages. */
  readonly model: string
  /** Absolute path of the version folder, which holds saved_model.pb. */
  readonly folder: string
  /** Absolute path where converted or compiled forms may be kept; `null` keeps nothing. */
  readonly cacheFolder: string | null
  /** Height and width of the crops where the signature leaves them open, in pixels; absent refuses such models. */
  readonly openSize?: number
  /** Applied when the model's input is float; a uint8 input gets the pixels as they are. */
  readonly normalization: Normalization
  /** `cpu`, `cuda:0`, `webgpu`, … */
  readonly device: string
  readonly precision: Precision | 'auto'
  /** Threads a run may use. */
  readonly threads: number
  /** Threads that a run of one crop may use while nothing else runs on the device; absent, `threads`. */
  readonly threadsAlone?: number
  /** No run will hold more images than this. */
  readonly maxBatchSize: number
  /**
   * `pixels`: runs take uint8 RGB, and the model's normalisation is applied to it. `tensors`: runs
   * take float32 exactly as the model's signature has it, for models whose input is float.
   */
  readonly inputForm?: 'pixels' | 'tensors'
  /** The signature's output to serve; `null` chooses `probabilities`, else `logits`, else the only one. */
  readonly output: string | null
}

/** What was loaded. Crosses back from the session process as JSON. */
export interface ModelDescription {
  readonly engine: EngineName
  /** The engine's own version, e.g. `1.30.0`. */
  readonly engineVersion: string
  readonly device: string
  /** What runs, not what was asked for. */
  readonly precision: Precision
  /** Height and width of the crops it takes, in pixels. */
  readonly input: {
    readonly name: string
    readonly dtype: 'uint8' | 'float32'
    readonly height: number
    readonly width: number
  }
  readonly output: {
    readonly name: string
    /** `logits` need a softmax; `probabilities` are used as they are. */
    readonly kind: 'logits' | 'probabilities'
    readonly classes: number
  }
  /** How it came to run, where not the engine's usual way: a sentence for the operator. */
  readonly note?: string
}

/** A model held by an engine. Runs are one at a time; the session process sees to that. */
export interface LoadedModel {
  readonly description: ModelDescription
  /**
   * Scores of `count` crops.
   * @param pixels uint8 [count, height, width, 3], RGB; for `tensors` the bytes of float32, aligned
   * @returns float32 [count, classes]
   */
  run(pixels: Uint8Array, count: number): Promise<Float32Array>
  /** The same of one crop with `threadsAlone`; absent where `run` would be as fast. */
  runAlone?(pixels: Uint8Array): Promise<Float32Array>
  close(): Promise<void>
  /** Batch sizes whose first run is slow, up to `maxBatchSize`; where absent, the first run of all is. */
  readonly slowFirst?: readonly number[]
}

/** Whether an engine can run on this machine, and if not, why, in a sentence for the operator. */
export type Availability =
  | { readonly available: true; readonly version: string; readonly devices: readonly string[] }
  | { readonly available: false; readonly reason: string }

/** An adapter to one inference library. Its module may be imported where the library is absent. */
export interface Engine {
  readonly name: EngineName
  probe(): Promise<Availability>
  /** @throws ModelError `missing`, `corrupt` or `unsupported`, naming model, node and operator */
  load(request: LoadRequest): Promise<LoadedModel>
}
