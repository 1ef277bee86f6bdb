// One recipe applied to one image: first which source pixels it needs, then, once those are
// decoded, the crop.
import { type Box, type CropPlan, planCrop, type Size } from './geometry.ts'
import type { CropRecipe } from './imaging.ts'
import { createKernel, type Kernel, reach, shift } from './kernel.ts'
import { type Rows, resample } from './resample.ts'
import { goesDownFirst, resampleDownFirst } from './resize.ts'

/** A recipe made ready for an image of known size. */
export interface PreparedCrop {
  readonly recipe: CropRecipe
  readonly plan: CropPlan
  readonly across: Kernel
  readonly down: Kernel
  /** The pass down comes before the one across. */
  readonly downFirst: boolean
  /** The part of the upright image that is needed; the rest may stay undecoded. */
  readonly needs: Box
}

export function prepareCrop(image: Size, recipe: CropRecipe): PreparedCrop {
  const plan = planCrop(image, recipe)
  const across = createKernel(
    { from: image.width, to: plan.resized.width, span: plan.across },
    recipe.interpolation,
  )
  const down = createKernel(
    { from: image.height, to: plan.resized.height, span: plan.down },
    recipe.interpolation,
  )
  const columns = reach(across)
  const rows = reach(down)
  const needs = {
    left: columns.from,
    top: rows.from,
    width: columns.to - columns.from,
    height: rows.to - rows.from,
  }
  return { recipe, plan, across, down, downFirst: goesDownFirst(image, plan.resized), needs }
}

/** The smallest box that holds all `boxes`. */
export function unite(boxes: readonly Box[]): Box {
  const left = Math.min(...boxes.map((box) => box.left))
  const top = Math.min(...boxes.map((box) => box.top))
  return {
    left,
    top,
    width: Math.max(...boxes.map((box) => box.left + box.width)) - left,
    height: Math.max(...boxes.map((box) => box.top + box.height)) - top,
  }
}

/**
 * The crop: uint8 [height, width, 3].
 * @param source upright pixels of `part`
 * @param part what of the image was decoded; holds `crop.needs`
 */
export function cutCrop(crop: PreparedCrop, source: Rows, part: Box): Uint8Array {
  const { plan, recipe } = crop
  const side = recipe.cropSize
  const data = new Uint8Array(side * side * 3)
  const resize = crop.downFirst ? resampleDownFirst : resample
  resize({
    source,
    across: shift(crop.across, part.left),
    down: shift(crop.down, part.top),
    target: {
      data,
      offset: (plan.down.padding * side + plan.across.padding) * 3,
      down: side * 3,
    },
  })
  return recipe.width === side && recipe.height === side ? data : stretch(data, recipe)
}

function stretch(square: Uint8Array, { cropSize, width, height, interpolation }: CropRecipe) {
  const whole = (count: number) => ({ first: 0, count, padding: 0 })
  const data = new Uint8Array(height * width * 3)
  const from = { width: cropSize, height: cropSize }
  const resize = goesDownFirst(from, { width, height }) ? resampleDownFirst : resample
  resize({
    source: {
      width: cropSize,
      read: (y, into) => into.set(square.subarray(y * into.length, (y + 1) * into.length)),
    },
    across: createKernel({ from: cropSize, to: width, span: whole(width) }, interpolation),
    down: createKernel({ from: cropSize, to: height, span: whole(height) }, interpolation),
    target: { data, offset: 0, down: width * 3 },
  })
  return data
}
