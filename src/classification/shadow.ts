// Shadow traffic: images that a model answered are shown to another one too, and it is counted how
// often both put the same class first. It begins when the answer is made and only where nothing
// else waits, so it cannot fail an answer, and is the first thing to stop under load.
import type { Imaging } from '../imaging/imaging.ts'
import type { ModelTable } from './model-table.ts'
import { topK } from './probabilities.ts'
import { recipeKey } from './recipe.ts'
import type { ServedModel } from './served-model.ts'

export type ShadowOutcome = 'agreed' | 'disagreed' | 'dropped' | 'failed'

export interface ShadowObserver {
  shadowed(pair: { served: ServedModel; shadow: ServedModel; outcome: ShadowOutcome }): void
}

export interface ShadowOptions {
  readonly table: Pick<ModelTable, 'all' | 'shadowOf'>
  readonly imaging: Imaging
  readonly observe: ShadowObserver
  /** 0…1, evenly spread. */
  readonly random: () => number
}

/** To be called with the crop and the scores of the answer; returns at once. */
export type Mirror = (crop: Uint8Array, scores: Float32Array) => void

export interface ShadowRunner {
  /** @param image encoded; read before this returns */
  prepare(served: ServedModel, image: Uint8Array): Mirror | undefined
}

const wholePercent = 100

/** A shadow may take its time, but what hangs must end. */
const patienceMs = 30_000

export function createShadowRunner(options: ShadowOptions): ShadowRunner {
  const { table, observe, random } = options
  /** One at a time: the next image that finds it running is not shown. */
  const running = new Set<ServedModel>()

  function mayRun(shadow: ServedModel): boolean {
    return !running.has(shadow) && table.all().every(({ queueDepth }) => queueDepth === 0)
  }

  return {
    prepare(served, image) {
      const found = table.shadowOf(served.version.model)
      if (found === undefined || found.served === served) return undefined
      const { served: shadow, percent } = found
      if (random() * wholePercent >= percent) return undefined
      const report = (outcome: ShadowOutcome) => observe.shadowed({ served, shadow, outcome })
      const isSameCrop = recipeKey(shadow.recipe) === recipeKey(served.recipe)
      const copy = isSameCrop || !mayRun(shadow) ? undefined : image.slice()
      return (crop, scores) => {
        const pixels = isSameCrop ? crop : copy
        if (pixels === undefined || !mayRun(shadow)) return report('dropped')
        running.add(shadow)
        const best = bestOf(scores)
        bestOfShadow(options.imaging, shadow, { pixels, isSameCrop })
          .then(
            (other) => report(other === best ? 'agreed' : 'disagreed'),
            () => report('failed'),
          )
          .finally(() => running.delete(shadow))
      }
    },
  }
}

function bestOf(scores: Float32Array): number | undefined {
  return topK(scores, 1)[0]?.index
}

async function bestOfShadow(
  imaging: Imaging,
  shadow: ServedModel,
  { pixels, isSameCrop }: { readonly pixels: Uint8Array; readonly isSameCrop: boolean },
): Promise<number | undefined> {
  await new Promise((resolve) => setImmediate(resolve)) // the answer goes out first
  const leave = shadow.enter()
  try {
    const owner = shadow.version.model
    const signal = AbortSignal.timeout(patienceMs)
    const crop = isSameCrop
      ? pixels
      : ((await imaging.decode(pixels, [shadow.recipe], { owner, signal })).crops[0] as Uint8Array)
    const deadline = performance.now() + patienceMs
    const { value } = await shadow.infer(crop, { deadline, signal })
    return bestOf(value.scores)
  } finally {
    leave()
  }
}
