// models/<name>/model.json: what the operator says of a model, with defaults for all of it.
import { Ajv } from 'ajv'
import { ModelError, messageOf } from '../errors.ts'
import { manifestSchema } from './manifest-schema.ts'

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

/** Which versions are served, with the names of Triton, TensorFlow Serving and OpenVINO's server. */
export type VersionPolicy =
  | { readonly latest: { readonly numVersions: number } }
  | { readonly all: object }
  | { readonly specific: { readonly versions: readonly number[] } }

/** What sees the same images beside the model that answers. */
export interface ShadowManifest {
  /** Absent, another version of the same model. */
  readonly model?: string
  /** A number or a label; absent, the default version of `model`. */
  readonly version?: string | number
  /** Share of the images, 0…100. */
  readonly percent: number
}

export interface Manifest {
  /** `imagenet-1k`, or the name of a file beside the manifest with one label a line. */
  readonly labels: string
  readonly weights: Weights
  readonly preprocess: PreprocessManifest
  /** Label -> version, e.g. `{ "stable": 1 }`. */
  readonly versions: Readonly<Record<string, number>>
  /** Label or number of the version that answers requests which name none; null is the highest. */
  readonly default: string | number | null
  readonly versionPolicy: VersionPolicy
  /**
   * Label or number -> percent of the requests that name no version, e.g. `{ "canary": 5 }`; the
   * rest gets the default version.
   */
  readonly traffic: Readonly<Record<string, number>>
  readonly shadow: ShadowManifest | null
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
  default: null,
  versionPolicy: { latest: { numVersions: 1 } },
  traffic: {},
  shadow: null,
  output: null,
}

type ManifestFile = {
  readonly [Name in Exclude<keyof Manifest, 'preprocess' | 'shadow'>]?: Manifest[Name]
} & {
  readonly preprocess?: Partial<PreprocessManifest>
  readonly shadow?: Omit<ShadowManifest, 'percent'> & { readonly percent?: number }
}

const isManifestFile = new Ajv({ allErrors: true, allowUnionTypes: true }).compile<ManifestFile>(
  manifestSchema,
)

const wholePercent = 100
/** A file of quite another kind has a hundred thousand mistakes; a line of them is no help. */
const maxTold = 10

/**
 * A manifest with its gaps filled by `defaultManifest`.
 * @param text the content of model.json
 * @param model its model, for messages
 * @throws ModelError corrupt, naming every property that is wrong
 */
export function parseManifest(text: string, model: string): Manifest {
  const file = inOurSpelling(parseJson(text, model))
  if (!isManifestFile(file)) {
    const wrong = (isManifestFile.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath.slice(1).replaceAll('/', '.') || 'the file'} ${message}${detail(params)}`,
    )
    const rest = wrong.length > maxTold ? [`and ${wrong.length - maxTold} more`] : []
    const told = [...wrong.slice(0, maxTold), ...rest].join('; ')
    throw new ModelError('corrupt', `${model}/model.json: ${told}`)
  }
  const manifest = {
    ...defaultManifest,
    ...file,
    preprocess: { ...defaultManifest.preprocess, ...file.preprocess },
    shadow: file.shadow === undefined ? null : { percent: wholePercent, ...file.shadow },
  }
  checkNames(manifest, model)
  return manifest
}

function checkNames({ traffic, versions, default: byDefault }: Manifest, model: string): void {
  const sum = Object.values(traffic).reduce((total, percent) => total + percent, 0)
  if (sum > wholePercent) {
    throw new ModelError('corrupt', `${model}/model.json: traffic adds up to ${sum} percent`)
  }
  const named = Object.keys(traffic).map((name) => ['traffic', name])
  for (const [key, name = ''] of [...named, ['default', String(byDefault ?? 1)]]) {
    if (/^\d+$/.test(name) || Object.hasOwn(versions, name)) continue
    const known = Object.keys(versions).join(', ') || 'no label'
    const message = `${model}/model.json: ${key} names ${name}, versions has ${known}`
    throw new ModelError('corrupt', message)
  }
}

/** Configurations of other servers spell it version_policy, model_version_policy, num_versions. */
function inOurSpelling(file: unknown): unknown {
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return file
  const { version_policy, model_version_policy, ...rest } = file as Record<string, unknown>
  const policy = rest.versionPolicy ?? version_policy ?? model_version_policy
  if (policy === undefined) return rest
  const latest = (policy as { latest?: Record<string, unknown> } | null)?.latest
  if (typeof latest?.num_versions !== 'number') return { ...rest, versionPolicy: policy }
  const { num_versions: numVersions, ...others } = latest
  return { ...rest, versionPolicy: { latest: { numVersions, ...others } } }
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
