// models/<name>/model.json: what the operator says of a model, with defaults for all of it.
import { Ajv } from 'ajv'
import { ModelError, messageOf } from '../errors.ts'

/** What answers and metadata say of where the weights came from. */
export type WeightsKind = 'pretrained' | 'random' | 'custom'

export interface Weights {
  readonly kind: WeightsKind
  readonly source?: string
  readonly sha256?: string
  readonly licence?: string
}

/** Pillow's names of its filters. */
export type Interpolation = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'

/** The recipe: torchvision's Resize(short side), CenterCrop, then (pixel * rescale - mean) / std. */
export interface PreprocessManifest {
  /** `null` stretches the whole image; absent means 256/224 of the crop. */
  readonly resizeShortSide?: number | null
  /** Absent means the network's own input size. */
  readonly cropSize?: number
  readonly interpolation: Interpolation
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

/** The label table that ships with the service. */
export const builtInLabels = 'imagenet-1k'

const imagenetMean = [0.485, 0.456, 0.406] as const
const imagenetStd = [0.229, 0.224, 0.225] as const

/** What a model without a manifest is taken to want: ImageNet's usual evaluation recipe. */
export const defaultManifest: Manifest = {
  labels: builtInLabels,
  weights: { kind: 'custom' },
  preprocess: {
    interpolation: 'bilinear',
    rescale: 1 / 255,
    mean: imagenetMean,
    std: imagenetStd,
  },
  versions: {},
  output: null,
}

interface ManifestFile {
  labels?: string
  weights?: { kind: WeightsKind; source?: string; sha256?: string; licence?: string }
  preprocess?: {
    resizeShortSide?: number | null
    cropSize?: number
    interpolation?: Interpolation
    rescale?: number
    mean?: [number, number, number]
    std?: [number, number, number]
  }
  versions?: Record<string, number>
  output?: string
}

/** Largest side a recipe may ask for: a crop of it already takes 48 MB. */
const maxSidePixels = 4096

const triple = (item: object) => ({
  type: 'array',
  items: [item, item, item],
  minItems: 3,
  maxItems: 3,
})

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    labels: { type: 'string', minLength: 1 },
    weights: {
      type: 'object',
      additionalProperties: false,
      required: ['kind'],
      properties: {
        kind: { type: 'string', enum: ['pretrained', 'random', 'custom'] },
        source: { type: 'string' },
        sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        licence: { type: 'string' },
      },
    },
    preprocess: {
      type: 'object',
      additionalProperties: false,
      properties: {
        resizeShortSide: { type: ['integer', 'null'], minimum: 1, maximum: maxSidePixels },
        cropSize: { type: 'integer', minimum: 1, maximum: maxSidePixels },
        interpolation: {
          type: 'string',
          enum: ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'],
        },
        rescale: { type: 'number' },
        mean: triple({ type: 'number' }),
        std: triple({ type: 'number', exclusiveMinimum: 0 }),
      },
    },
    versions: {
      type: 'object',
      additionalProperties: { type: 'integer', minimum: 1 },
      propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9._-]*$' },
    },
    output: { type: 'string', minLength: 1 },
  },
}

const isManifestFile = new Ajv({ allErrors: true, allowUnionTypes: true }).compile<ManifestFile>(
  schema,
)

/**
 * A manifest with its gaps filled by `defaultManifest`.
 * @param text the content of model.json
 * @param model its model, for messages
 * @throws ModelError corrupt, naming every property that is wrong
 */
export function parseManifest(text: string, model: string): Manifest {
  const file = parseJson(text, model)
  if (!isManifestFile(file)) {
    const wrong = (isManifestFile.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${message}${detail(params)}`,
    )
    throw new ModelError('corrupt', `${model}/model.json: ${wrong.join('; ')}`)
  }
  return {
    ...defaultManifest,
    ...file,
    preprocess: { ...defaultManifest.preprocess, ...file.preprocess },
  }
}

function parseJson(text: string, model: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ModelError('corrupt', `${model}/model.json is not JSON: ${messageOf(error)}`)
  }
}

/** ajv leaves the names and words it means out of its message. */
function detail(params: Record<string, unknown>): string {
  const named = params.additionalProperty ?? params.allowedValues ?? params.missingProperty
  return named === undefined ? '' : ` (${[named].flat().join(', ')})`
}
