// Where the pixels of a crop come from: the size arithmetic of torchvision's Resize and CenterCrop
// (torchvision/transforms/functional.py), which decides every pixel of the answer.
import type { CropRecipe } from './imaging.ts'

export interface Size {
  readonly width: number
  readonly height: number
}

/** A rectangle of whole pixels. */
export interface Box extends Size {
  readonly left: number
  readonly top: number
}

/** The part of one axis of the resized image that the crop shows. */
export interface Span {
  /** First pixel of the resized image that is shown. */
  readonly first: number
  readonly count: number
  /** Zeros before it, where the image is smaller than the crop. */
  readonly padding: number
}

export interface CropPlan {
  /** What the whole image would be resized to. */
  readonly resized: Size
  readonly across: Span
  readonly down: Span
}

/** The plan of `recipe` for an upright image of this size, up to the centre crop. */
export function planCrop(image: Size, recipe: CropRecipe): CropPlan {
  const resized = resizedSize(image, recipe)
  return {
    resized,
    across: centreSpan(resized.width, recipe.cropSize),
    down: centreSpan(resized.height, recipe.cropSize),
  }
}

/**
 * What of an upright image a crop shows, in the image's pixels, rounded outwards; where the image is
 * smaller than the crop, all of it.
 */
export function shownRegion(image: Size, recipe: CropRecipe): Box {
  const { resized, across, down } = planCrop(image, recipe)
  const [left, right] = inImage(across, image.width / resized.width, image.width)
  const [top, bottom] = inImage(down, image.height / resized.height, image.height)
  return { left, top, width: right - left, height: bottom - top }
}

function inImage({ first, count }: Span, scale: number, size: number): [number, number] {
  return [Math.floor(first * scale), Math.min(size, Math.ceil((first + count) * scale))]
}

function resizedSize(image: Size, recipe: CropRecipe): Size {
  const short = recipe.resizeShortSide
  if (short === null) return { width: recipe.cropSize, height: recipe.cropSize }
  // Truncated, not rounded: 256 x 500 / 375 is 341.33 and becomes 341, and 341.9 would too.
  return image.width <= image.height
    ? { width: short, height: Math.trunc((short * image.height) / image.width) }
    : { width: Math.trunc((short * image.width) / image.height), height: short }
}

function centreSpan(size: number, crop: number): Span {
  return size < crop
    ? { first: 0, count: size, padding: Math.floor((crop - size) / 2) }
    : { first: roundHalfToEven((size - crop) / 2), count: crop, padding: 0 }
}

/** Python's `round`: 58.5 is 58 and 59.5 is 60. `Math.round` would move the crop by a pixel. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value)
  const fraction = value - floor
  if (fraction !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
