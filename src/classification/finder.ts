// From an image to what models find in it: kept results first, then work that is in flight already,
// and for the rest one decode, a crop a recipe, and a place in each model's queue.

import { createHash } from 'node:crypto'
import { crc32c } from '@node-rs/crc32'
import type { Batched } from '../batching/batcher.ts'
import { type Cancellation, CancellationSource } from '../cancellation.ts'
import { ServiceError } from '../errors.ts'
import type { DrawHeatMap } from '../imaging/heat-map.ts'
import type { CropRecipe, DecodedImage, Imaging } from '../imaging/imaging.ts'
import type { Scores } from '../sessions/session-pool.ts'
import { createExplainer, type Explainer } from './explain.ts'
import type { Finding } from './finding.ts'
import { compared, foretell } from './foretell.ts'
import type { ModelTable } from './model-table.ts'
import { Distribution } from './probabilities.ts'
import { recipeKey } from './recipe.ts'
import type { ResultCache } from './result-cache.ts'
import { recordTiming } from './score.ts'
import type { ServedModel } from './served-model.ts'
import { createShadowRunner, type ShadowObserver, type ShadowRunner } from './shadow.ts'
import { createSharedWork, type Terms } from './shared-work.ts'
import type { AnswerOrigin, ClassifyRequest } from './types.ts'

export interface FinderObserver extends ShadowObserver {
  stage(stage: 'decode' | 'queue' | 'infer', served: ServedModel, ms: number): void
  /** When each stage of an image was, for traces; in `performance.now()` milliseconds. */
  timed(served: ServedModel, times: ImageTimes): void
  decoded(image: DecodedImage): void
  /** Where a result came from. */
  origin(origin: AnswerOrigin): void
}

export interface ImageTimes {
  readonly decoded: Pick<Decoded, 'decodedAt' | 'image'>
  /** It entered the batcher's queue when it was decoded. */
  readonly result: Batched<Scores>
  readonly inferredAt: number
}

export interface FinderOptions {
  readonly imaging: Imaging
  readonly cache: ResultCache | undefined
  /** Whether equal images in flight are computed once. */
  readonly sharesInFlight: boolean
  /** Whose manifests say what sees the images too. */
  readonly table: Pick<ModelTable, 'all' | 'shadowOf'>
  readonly draw: DrawHeatMap
  readonly observe: FinderObserver
}

export interface Found {
  readonly finding: Finding
  readonly origin: AnswerOrigin
}

/** What a search is for. */
export type Search = Pick<
  ClassifyRequest,
  'image' | 'imageDigest' | 'targets' | 'deadline' | 'signal' | 'explain'
>

export interface Finder {
  /** One result a target, in order, of the models they mean. @throws ServiceError */
  find(models: readonly ServedModel[], search: Search): readonly Promise<Found>[]
}

export function createFinder(given: FinderOptions): Finder {
  const options: Parts = {
    ...given,
    shadow: createShadowRunner({ ...given, random: Math.random }),
    explainer: createExplainer(given.draw),
  }
  const { cache, observe } = options
  const shared = createSharedWork<Finding>()

  function keep(served: ServedModel, search: Search, finding: Finding): Finding {
    if (cache === undefined) return finding
    // A row of its own: what came with the batch would keep the whole batch's rows.
    const own = { ...finding, distribution: finding.distribution.alone() }
    cache.set(exactKey(served, search, finding.imageDigest), own)
    return finding
  }

  function findOne(question: Question): Promise<Found> {
    const { served, search } = question
    const { imageDigest } = search
    const kept = imageDigest && cache?.get(exactKey(served, search, imageDigest))
    if (kept) {
      observe.origin('cached')
      return Promise.resolve({ finding: { ...kept, ...nothingRan }, origin: 'cached' })
    }
    const start = async (terms: Terms) => keep(served, search, await work(options, question, terms))
    if (!options.sharesInFlight) {
      observe.origin('computed')
      return start(search).then(computed)
    }
    // The digest proper is made on the decoding thread: until then a checksum finds equal images.
    const { isShared, result } = shared.join(likelyKey(served, search), search, start)
    if (isShared) {
      return findShared({ ...question, search: { ...search, image: search.image.slice() } }, result)
    }
    observe.origin('computed')
    return result.then(computed)
  }

  /** Takes the result where the image was the same one in truth, else computes its own. */
  async function findShared(
    { served, search, isShadowed }: Omit<Question, 'decode'>,
    result: Promise<Finding>,
  ): Promise<Found> {
    const digest = search.imageDigest ?? digestOf(search.image)
    const finding = await result.catch(() => undefined)
    if (finding?.imageDigest === digest) {
      observe.origin('shared')
      return { finding, origin: 'shared' }
    }
    if (search.signal.aborted) throw search.signal.reason
    observe.origin('computed')
    const decode = decodeOnce(options, search)
    const own = await work(options, { served, search, isShadowed, decode }, search)
    return computed(keep(served, search, own))
  }

  return {
    find(models, asked) {
      // Of several models the first must not leave it to each to look through the whole image.
      const imageDigest = cache && (asked.imageDigest ?? digestOf(asked.image))
      const search = imageDigest === undefined ? asked : { ...asked, imageDigest }
      const decode = decodeOnce(options, search)
      return models.map((served, at) => {
        // A request that named no version may be seen by the model's shadow too.
        const isShadowed = search.targets[at]?.version === undefined
        return findOne({ served, search, isShadowed, decode })
      })
    },
  }
}

function computed(finding: Finding): Found {
  return { finding, origin: 'computed' }
}

interface Parts extends FinderOptions {
  readonly shadow: ShadowRunner
  readonly explainer: Explainer
}

function digestOf(image: Uint8Array): string {
  return createHash('sha256').update(image).digest('base64url')
}

function exactKey({ key }: ServedModel, { explain }: Search, digest: string): string {
  return `${digest}/${key}/${explain ?? ''}`
}

function likelyKey({ key }: ServedModel, { image, explain }: Search): string {
  return `${image.length} ${crc32c(image)}/${key}/${explain ?? ''}`
}

const nothingRan = { timing: { decodeMs: 0, queueMs: 0, inferMs: 0 }, batchSize: 0 }

interface Decoded {
  readonly image: DecodedImage
  /** Keys of the recipes, in the order of the image's crops. */
  readonly recipes: readonly string[]
  /** Milliseconds spent waiting for a decoding thread. */
  readonly waitMs: number
  /** `performance.now()` when the crops were there. */
  readonly decodedAt: number
}

type Decode = (served: ServedModel, terms: Terms) => Promise<Decoded>

/**
 * Decodes once for all models that ask before the next microtask; those with the same recipe share
 * a crop. It is given up when all of them are.
 */
function decodeOnce({ imaging, observe, table }: FinderOptions, search: Search): Decode {
  const recipes = new Map<string, CropRecipe>()
  const signals: Cancellation[] = []
  let owner = ''
  let decoding: Promise<Decoded> | undefined
  const start = async (): Promise<Decoded> => {
    await undefined
    const startedAt = performance.now()
    const wanted = [...recipes.values()]
    const image = await imaging.decode(search.image, wanted, {
      owner,
      signal: allAborted(signals),
      isAlone: owedBy(table) === signals.length,
    })
    const decodedAt = performance.now()
    observe.decoded(image)
    const waitMs = Math.max(0, decodedAt - startedAt - image.decodeMs)
    return { image, recipes: [...recipes.keys()], waitMs, decodedAt }
  }
  return ({ recipe, version }, { signal }) => {
    if (decoding === undefined) owner = version.model
    recipes.set(recipeKey(recipe), recipe)
    signals.push(signal)
    decoding ??= start()
    return decoding
  }
}

/** Images that all models together owe an answer. */
function owedBy(table: Pick<ModelTable, 'all'>): number {
  return table.all().reduce((sum, { inFlight }) => sum + inFlight, 0)
}

/** Aborted when the last of `signals` is. */
function allAborted(signals: readonly Cancellation[]): Cancellation {
  const [only] = signals
  if (only !== undefined && signals.length === 1) return only
  const all = new CancellationSource()
  const check = () => {
    if (signals.every(({ aborted }) => aborted)) all.abort(signals[0]?.reason)
  }
  for (const signal of signals) signal.addEventListener('abort', check)
  check()
  return all
}

interface Question {
  readonly served: ServedModel
  readonly search: Search
  readonly isShadowed: boolean
  readonly decode: Decode
}

async function work(options: Parts, question: Question, terms: Terms): Promise<Finding> {
  const { imaging, explainer } = options
  const { served, search } = question
  const foretoldMs = foretell(served, imaging)
  const leave = served.enter()
  try {
    const { finding, image, crop } = await compared(served, foretoldMs, () =>
      infer(options, question, terms),
    )
    const { explain: form } = search
    if (form === undefined) return finding
    const what = { form, crop, image, scores: finding.distribution.scores, terms }
    return { ...finding, explanation: await explainer.explain(served, what) }
  } finally {
    leave()
  }
}

async function infer(
  { observe, shadow }: Parts,
  { served, search, isShadowed, decode }: Question,
  terms: Terms,
) {
  const mirror = isShadowed ? shadow.prepare(served, search.image) : undefined
  const decoded = await decode(served, terms)
  const { image, recipes, waitMs } = decoded
  const crop = image.crops[recipes.indexOf(recipeKey(served.recipe))] as Uint8Array
  const result = await served.infer(crop, terms)
  const inferredAt = performance.now()
  const { scores, inferMs } = result.value
  const distribution = new Distribution(scores, served.pool.description.output.kind)
  if (!distribution.isNumeric) throw notNumeric(served)
  const timing = { decodeMs: image.decodeMs, queueMs: waitMs + result.queueMs, inferMs }
  recordTiming(observe, served, timing)
  observe.timed(served, { decoded, result, inferredAt })
  mirror?.(crop, scores)
  const { batchSize } = result
  const finding: Finding = { distribution, imageDigest: image.digest, timing, batchSize }
  return { finding, image, crop }
}

function notNumeric({ version: { model, version } }: ServedModel): ServiceError {
  const found = `${model} ${version} scored this image with what is no number (NaN or infinity)`
  return new ServiceError('internal', `${found}: its weights or its preprocess are at fault`)
}
