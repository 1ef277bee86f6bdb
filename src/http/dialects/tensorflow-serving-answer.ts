// Scored images -> the JSON of an answer to predict or classify, some classes at a time: hundreds of images with
// all their classes take seconds, between which others want to be served.
import type { ScoredImage } from '../../classification/types.ts'
import { HttpError } from '../failure.ts'
import { encoded, jsonValues, slicesOf } from './json-list.ts'
import { bestLabels } from './ranking.ts'
import type { PredictRequest } from './tensorflow-serving-request.ts'

/** @throws HttpError bad_request, from the iterator */
export function predictAnswer(
  images: readonly ScoredImage[],
  form: PredictRequest['form'],
): Iterable<Uint8Array> {
  return encoded(answer(form === 'rows' ? 'predictions' : 'outputs', images, scoreSlices))
}

export function classifyAnswer(images: readonly ScoredImage[]): Iterable<Uint8Array> {
  return encoded(answer('results', images, labelSlices))
}

/** {"name": [[...], ...]}, a list of values for each image */
function* answer(
  name: string,
  images: readonly ScoredImage[],
  slices: (image: ScoredImage) => Iterable<readonly unknown[]>,
): Iterable<string> {
  let before = `{"${name}":[`
  for (const image of images) {
    yield `${before}[`
    yield* jsonValues(slices(image))
    before = '],'
  }
  yield ']]}'
}

function* scoreSlices({ scores }: ScoredImage): Iterable<readonly number[]> {
  for (const slice of slicesOf(scores)) {
    const row = Array.from(slice)
    if (!row.every(Number.isFinite)) {
      throw new HttpError('bad_request', 'the scores hold NaN or infinity, which JSON cannot carry')
    }
    yield row
  }
}

/** Every class with its probability, best first. */
function* labelSlices(image: ScoredImage): Iterable<readonly [string, number][]> {
  for (const slice of slicesOf(bestLabels(image, image.scores.length))) {
    yield slice.map(({ label, score }) => [label, score])
  }
}
