// What the versions of a model can hold: networks of one shape whose answers to every image differ,
// computed in this process by the engine itself and not by the service that is tested.
import { join } from 'node:path'
import { isAnswerOf } from '../../test/support/checked-load.ts'
import {
  type KnownImage,
  knownImages,
  type SmallModel,
  writeSmallModel,
} from '../../test/support/known-images.ts'

export interface Contents {
  /** Files of a version by content: saved_model.pb and what belongs to it. */
  readonly folders: readonly string[]
  /** The same pictures in each; content -> its answers. */
  readonly images: readonly (readonly KnownImage[])[]
  readonly manifest: string
}

/** Pictures looked at for each one that is kept: not every one tells all contents apart. */
const spares = 3

/** Writes one network a seed below `root`, and finds `count` pictures that tell all of them apart. */
export async function writeContents(
  root: string,
  { shape, seeds, count }: ContentsOptions,
): Promise<Contents> {
  const all: (readonly KnownImage[])[] = []
  for (const seed of seeds) {
    const model = { ...shape, name: `content-${seed}`, seed }
    await writeSmallModel(root, model)
    all.push(await knownImages(root, model, count * spares))
  }
  const [first = []] = all
  const isTold = (image: KnownImage) => {
    const same = all.map((images) => images.find(({ body }) => isSame(body, image.body)))
    return same.every((one) => one !== undefined) && areDifferent(same as KnownImage[])
  }
  const chosen = first.filter(isTold).slice(0, count)
  if (chosen.length < count)
    throw new Error(`only ${chosen.length} pictures tell all contents apart`)
  const images = all.map((known) =>
    chosen.map(({ body }) => known.find((one) => isSame(one.body, body)) as KnownImage),
  )
  const folders = seeds.map((seed) => join(root, `content-${seed}`, '1'))
  return { folders, images, manifest: join(root, `content-${seeds[0]}`, 'model.json') }
}

export interface ContentsOptions {
  readonly shape: Omit<SmallModel, 'name' | 'seed'>
  readonly seeds: readonly number[]
  readonly count: number
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

function areDifferent(images: readonly KnownImage[]): boolean {
  return images.every((image, at) =>
    images.slice(at + 1).every((other) => !isAnswerOf(answerOf(other), image)),
  )
}

function answerOf({ expected }: KnownImage) {
  return { predictions: [...expected].map((probability, index) => ({ index, probability })) }
}
