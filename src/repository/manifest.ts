// models/<name>/model.json: what the operator says of a model, with defaults for all of it.

/** What answers and metadata say of where the weights came from. */
export type WeightsKind = 'pretrained' | 'random' | 'custom'

export interface Weights {
  readonly kind: WeightsKind
  readonly source?: string
  readonly sha256?: string
  readonly licence?: string
}

export interface PreprocessManifest {
  /** `null` stretches the whole image; undefined in the file means 256/224 of the crop. */
  readonly resizeShortSide?: number | null
  /** Undefined in the file means the network's own input size. */
  readonly cropSize?: number
  readonly interpolation: 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'
  readonly rescale: number
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

export interface Manifest {
  /** `imagenet-1k`, or the name of a file beside the manifest with one label a line. */
  readonly labels: string
  readonly weights: Weights
  readonly preprocess: PreprocessManifest
  /** Label -> version, e.g. `{ "stable": 1 }`. */
  readonly versions: Readonly<Record<string, number>>
  /** The signature's output to serve; null chooses (engines/engine.ts). */
  readonly output: string | null
}
