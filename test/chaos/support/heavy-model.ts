// A model whose computing outweighs the sending, which runs on the same cores.
import type { SmallModel } from '../../support/known-images.ts'

/** A ResNet34; of full width in the long form. */
export function heavyModel(long: boolean): SmallModel {
  return long
    ? { name: 'heavy', seed: 3, side: 224, filters: 64 }
    : { name: 'heavy', seed: 3, side: 96, filters: 32 }
}
