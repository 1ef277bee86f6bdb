// How the shipped networks want their images.
import type { CropRecipe } from '../../src/imaging/imaging.ts'

/** torchvision's evaluation crop, as ../shared/images/reference was made. */
export const imagenetCrop: CropRecipe = {
  resizeShortSide: 256,
  cropSize: 224,
  interpolation: 'bilinear',
  height: 224,
  width: 224,
}
