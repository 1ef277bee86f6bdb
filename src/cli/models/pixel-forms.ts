// How pixels become a float model's input, for commands on models that have no model.json to say so.
import { Option } from 'commander'
import { defaultManifest } from '../../repository/manifest.ts'
import type { FoundModel } from './find-model.ts'

const even = { mean: [0, 0, 0], std: [1, 1, 1] } as const
const { rescale, mean, std } = defaultManifest.preprocess

/** The usual ones: torchvision's and timm's, those of keras.applications, and raw pixels. */
const forms = {
  imagenet: { rescale, mean, std },
  '-1..1': { rescale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] },
  '0..1': { rescale: 1 / 255, ...even },
  '0..255': { rescale: 1, ...even },
} as const

export type PixelForm = keyof typeof forms

export function pixelsOption(): Option {
  return new Option(
    '--pixels <form>',
    'what a float input takes, instead of what model.json says (imagenet without one)',
  ).choices(Object.keys(forms))
}

export function withPixels(found: FoundModel, form: PixelForm | undefined): FoundModel {
  if (form === undefined) return found
  const preprocess = { ...found.manifest.preprocess, ...forms[form] }
  return { ...found, manifest: { ...found.manifest, preprocess } }
}

/** What is only assumed of a model without a manifest, in a sentence; null where nothing is. */
export function assumedPixels({ manifest }: FoundModel): string | null {
  if (manifest !== defaultManifest) return null
  const others = Object.keys(forms).join(', ')
  return (
    `no model.json says what its float input takes, so (pixel / 255 - mean) / std of ImageNet was ` +
    `taken; try --pixels with one of ${others}, and write what is right to model.json`
  )
}
