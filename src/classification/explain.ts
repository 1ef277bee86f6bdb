// Where the best class was seen: the class-activation map of Zhou et al.,
// https://arxiv.org/abs/1512.04150, drawn as a picture.

import { shownRegion } from '../imaging/geometry.ts'
import type { DrawHeatMap } from '../imaging/heat-map.ts'
import type { DecodedImage } from '../imaging/imaging.ts'
import { topK } from './probabilities.ts'
import type { ServedModel } from './served-model.ts'
import type { Terms } from './shared-work.ts'
import type { Explanation, ExplanationForm } from './types.ts'

export interface Explainer {
  explain(served: ServedModel, what: Explained): Promise<Explanation>
}

export interface Explained {
  readonly form: ExplanationForm
  /** uint8 [height, width, 3] */
  readonly crop: Uint8Array
  readonly image: Pick<DecodedImage, 'width' | 'height'>
  /** float32 [classes]: the best one is explained. */
  readonly scores: Float32Array
  readonly terms: Terms
}

/** @throws ServiceError bad_parameter where the model is known to have no class maps */
export function canExplain({ maps }: ServedModel): void {
  if (maps.refusal !== undefined) throw maps.refusal
}

export function createExplainer(draw: DrawHeatMap): Explainer {
  return {
    async explain(served, { form, crop, image, scores, terms }) {
      const { recipe, labels } = served
      const maps = await served.maps.mapsOf(crop, terms)
      const [best] = topK(scores, 1)
      const index = best?.index ?? 0
      const map = mapOfClass(maps, index, scores.length)
      const { width, height } = recipe
      const png = await draw({
        map,
        size: { width, height },
        under: form === 'overlay' ? crop : undefined,
      })
      return {
        index,
        label: labels[index]?.label ?? '',
        mediaType: 'image/png',
        png,
        width,
        height,
        region: shownRegion(image, recipe),
        image: { width: image.width, height: image.height },
      }
    },
  }
}

/** One class of float32 [places, classes]. The places form a square, as images and strides do. */
function mapOfClass(maps: Float32Array, index: number, classes: number) {
  const places = maps.length / classes
  const side = Math.round(Math.sqrt(places))
  const values = Float32Array.from(
    { length: places },
    (_, place) => maps[place * classes + index] as number,
  )
  return { values, width: side, height: places / side }
}
