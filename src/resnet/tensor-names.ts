// What training frameworks call the tensors of a ResNet.
// - Hugging Face transformers: https://huggingface.co/docs/transformers/model_doc/resnet
// - torchvision, https://docs.pytorch.org/vision/stable/models/resnet.html; timm uses the same
import type { Place } from './network.ts'

/** Prefixes of a convolution's tensors and of the batch normalisation's after it. */
interface Prefixes {
  readonly convolution: string
  readonly normalization: string
}

export interface NamingScheme {
  readonly title: string
  readonly classifier: string
  prefixesOf(place: Place): Prefixes
}

export const huggingFace: NamingScheme = {
  title: 'Hugging Face',
  classifier: 'classifier.1',
  prefixesOf(place) {
    const layer = huggingFaceLayer(place)
    return { convolution: `${layer}.convolution`, normalization: `${layer}.normalization` }
  },
}

export const torchvision: NamingScheme = {
  title: 'torchvision and timm',
  classifier: 'fc',
  prefixesOf(place) {
    if (place.part === 'stem') return { convolution: 'conv1', normalization: 'bn1' }
    const block = `layer${place.group + 1}.${place.block}`
    if (place.part === 'shortcut') {
      return { convolution: `${block}.downsample.0`, normalization: `${block}.downsample.1` }
    }
    const number = place.position + 1
    return { convolution: `${block}.conv${number}`, normalization: `${block}.bn${number}` }
  },
}

export const namingSchemes = [huggingFace, torchvision] as const

/** The four tensors that batch normalisation needs, in PyTorch's words. */
export const normalizationTensors = {
  scale: 'weight',
  shift: 'bias',
  mean: 'running_mean',
  variance: 'running_var',
} as const

/** PyTorch counts its training steps in each batch normalisation; inference has no use for it. */
export const countedSteps = 'num_batches_tracked'

function huggingFaceLayer(place: Place): string {
  if (place.part === 'stem') return 'resnet.embedder.embedder'
  const block = `resnet.encoder.stages.${place.group}.layers.${place.block}`
  return place.part === 'shortcut' ? `${block}.shortcut` : `${block}.layer.${place.position}`
}
