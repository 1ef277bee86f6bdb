// The crop a model wants: its manifest's recipe, completed by the size its input has.
import type { CropRecipe } from '../imaging/imaging.ts'
import type { PreprocessManifest } from '../repository/manifest.ts'

/** The usual evaluation recipe resizes the short side to 256 for a crop of 224. */
const shortSidePerCrop = 256 / 224

/** @param input height and width of the network's input, in pixels */
export function recipeOf(
  preprocess: PreprocessManifest,
  input: { readonly height: number; readonly width: number },
): CropRecipe {
  const cropSize = preprocess.cropSize ?? Math.max(input.height, input.width)
  const resizeShortSide =
    preprocess.resizeShortSide === undefined
      ? Math.round(cropSize * shortSidePerCrop)
      : preprocess.resizeShortSide
  return {
    resizeShortSide,
    cropSize,
    interpolation: preprocess.interpolation,
    height: input.height,
    width: input.width,
  }
}

/** Equal keys mean equal crops, so that models which share a recipe share one crop. */
export function recipeKey(recipe: CropRecipe): string {
  const { resizeShortSide, cropSize, interpolation, height, width } = recipe
  return [resizeShortSide, cropSize, interpolation, height, width].join('/')
}
