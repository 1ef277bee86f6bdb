// A checkpoint of a training framework -> the weights of a network. Every tensor is used exactly
// once; one that is missing, left over or of another shape is named.
import { ModelError } from '../errors.ts'
import { float32Tensor } from '../graph/tensor.ts'
import { floatTypes, toFloat32 } from './floats.ts'
import {
  type Convolution,
  convolutionsOf,
  isNormalized,
  type Network,
  type NetworkSpec,
} from './network.ts'
import type { Checkpoint } from './safetensors.ts'
import {
  countedSteps,
  type NamingScheme,
  namingSchemes,
  normalizationTensors,
  torchvision,
} from './tensor-names.ts'
import {
  channelsLast,
  foldNormalization,
  type LayerWeights,
  type NetworkWeights,
} from './weights.ts'

/** Names shown of each kind of mistake; the rest is counted. */
const maxNames = 3

/**
 * The weights of `network` from tensors named as Hugging Face, torchvision or timm names them.
 * @throws ModelError `unsupported` where the tensors are another network's, `corrupt` where one
 * holds NaN, infinity or a negative variance
 */
export function importWeights(network: Network, checkpoint: Checkpoint): NetworkWeights {
  const scheme = namingSchemeOf(checkpoint)
  checkTensors(network, expectedShapes(network, scheme), checkpoint)
  const read = (name: string): Float32Array => readFinite(checkpoint, name)

  const importConvolution = (layer: Convolution): LayerWeights => {
    const { kernel: size, inputs, outputs } = layer
    const names = scheme.prefixesOf(layer.place)
    const kernel = read(`${names.convolution}.weight`)
    const shape = [size, size, inputs, outputs]
    if (!isNormalized(network.spec)) {
      const bias = read(`${names.convolution}.bias`)
      return { kernel: channelsLast(kernel, shape), bias: float32Tensor([outputs], bias) }
    }
    const of = (part: keyof typeof normalizationTensors): Float32Array =>
      read(`${names.normalization}.${normalizationTensors[part]}`)
    const variance = of('variance')
    if (variance.some((value) => value < 0)) {
      throw new ModelError(
        'corrupt',
        `${names.normalization}.running_var holds a negative variance`,
      )
    }
    const folded = foldNormalization({
      scale: of('scale'),
      shift: of('shift'),
      mean: of('mean'),
      variance,
    })
    return {
      kernel: channelsLast(kernel, shape, folded.factors),
      bias: float32Tensor([outputs], folded.bias),
    }
  }

  const { inputs, outputs } = network.classifier
  return {
    convolutions: new Map(
      convolutionsOf(network).map((layer) => [layer.name, importConvolution(layer)]),
    ),
    classifier: {
      kernel: channelsLast(read(`${scheme.classifier}.weight`), [inputs, outputs]),
      bias: float32Tensor([outputs], read(`${scheme.classifier}.bias`)),
    },
  }
}

/** `spec` with as many filters and classes as the tensors have, for networks trained anew. */
export function fitSpec(spec: NetworkSpec, checkpoint: Checkpoint): NetworkSpec {
  const scheme = namingSchemeOf(checkpoint)
  const outputsOf = (layer: string): number | undefined =>
    checkpoint.get(`${layer}.weight`)?.shape[0]
  const stem = scheme.prefixesOf({ part: 'stem' }).convolution
  return {
    ...spec,
    filters: outputsOf(stem) ?? spec.filters,
    classes: outputsOf(scheme.classifier) ?? spec.classes,
  }
}

/** The naming scheme whose stem is among the tensors. */
export function namingSchemeOf(checkpoint: Checkpoint): NamingScheme {
  const stemOf = (scheme: NamingScheme): string =>
    `${scheme.prefixesOf({ part: 'stem' }).convolution}.weight`
  const found = namingSchemes.find((scheme) => checkpoint.has(stemOf(scheme)))
  if (found !== undefined) return found
  const known = namingSchemes.map((scheme) => `${stemOf(scheme)} (${scheme.title})`).join(' or ')
  throw new ModelError(
    'unsupported',
    `no ResNet's tensors: expected ${known}, found ${listed([...checkpoint.keys()])}`,
  )
}

/** Name -> shape of every tensor that inference needs, in a framework's layout (kernels OIHW). */
export function expectedShapes(
  network: Network,
  scheme: NamingScheme = torchvision,
): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  for (const { place, kernel, inputs, outputs } of convolutionsOf(network)) {
    const names = scheme.prefixesOf(place)
    shapes.set(`${names.convolution}.weight`, [outputs, inputs, kernel, kernel])
    if (isNormalized(network.spec)) {
      for (const part of Object.values(normalizationTensors)) {
        shapes.set(`${names.normalization}.${part}`, [outputs])
      }
    } else {
      shapes.set(`${names.convolution}.bias`, [outputs])
    }
  }
  const { inputs, outputs } = network.classifier
  shapes.set(`${scheme.classifier}.weight`, [outputs, inputs])
  shapes.set(`${scheme.classifier}.bias`, [outputs])
  return shapes
}

function checkTensors(
  { spec }: Network,
  expected: ReadonlyMap<string, readonly number[]>,
  checkpoint: Checkpoint,
): void {
  const names = [...expected.keys()]
  const found = [...checkpoint.keys()].filter((name) => !name.endsWith(`.${countedSteps}`))
  const missing = names.filter((name) => !checkpoint.has(name))
  const leftOver = found.filter((name) => !expected.has(name))
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const actual = checkpoint.get(name)?.shape
    return actual === undefined || String(actual) === String(shape)
      ? []
      : [`${name} [${actual}] instead of [${shape}]`]
  })
  const faults = [
    ...(missing.length > 0 ? [`missing ${listed(missing)}`] : []),
    ...(leftOver.length > 0 ? [`left over ${listed(leftOver)}`] : []),
    ...(misshapen.length > 0 ? [`of another shape ${listed(misshapen)}`] : []),
  ]
  if (faults.length > 0) {
    const wanted = `${spec.network} (${spec.variant}, ${spec.filters} filters, ${spec.classes} classes)`
    throw new ModelError('unsupported', `not the weights of ${wanted}: ${faults.join('; ')}`)
  }
}

function readFinite(checkpoint: Checkpoint, name: string): Float32Array {
  const tensor = checkpoint.get(name)
  if (tensor === undefined)
    throw new Error(`tensor ${name} was checked and is gone. This is a bug.`)
  const values = toFloat32(tensor)
  if (values === null) {
    throw new ModelError(
      'unsupported',
      `tensor ${name} is ${tensor.dtype}; weights are read from ${floatTypes.join(', ')}`,
    )
  }
  if (!values.every(Number.isFinite)) {
    throw new ModelError('corrupt', `tensor ${name} holds NaN or infinity`)
  }
  return values
}

function listed(names: readonly string[]): string {
  const rest = names.length - maxNames
  const shown = names.slice(0, maxNames).join(', ')
  if (names.length === 0) return 'no tensor'
  return rest > 0 ? `${shown} and ${rest} more` : shown
}
