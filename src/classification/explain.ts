// Where the best class was seen: the class-activation map of Zhou et al.,
// https://arxiv.org/abs/1512.04150, drawn as a picture.

import { type Size, shownRegion } from '../imaging/geometry.ts'
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
      const { width, height } = recipe
      const map = mapOfClass(maps, { index, classes: scores.length, aspect: height / width })
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

interface ClassOfMaps {
  readonly index: number
  readonly classes: number
  /** Height of the network's input, as a multiple of its width. */
  readonly aspect: number
}

/** One class of float32 [places, classes]. */
function mapOfClass(maps: Float32Array, { index, classes, aspect }: ClassOfMaps) {
  const places = maps.length / classes
  const values = Float32Array.from(
    { length: places },
    (_, place) => maps[place * classes + index] as number,
  )
  return { values, ...sizeOfMap(places, aspect) }
}

/** Strides are alike down and across: of the forms with so many places, the one most like the input. */
export function sizeOfMap(places: number, aspect: number): Size {
  const wished = Math.sqrt(places * aspect)
  let height = 1
  for (let rows = 1; rows <= places; rows++) {
    const isNearer = Math.abs(Math.log(rows / wished)) < Math.abs(Math.log(height / wished))
    if (places % rows === 0 && isNearer) height = rows
  }
  return { width: places / height, height }
}
