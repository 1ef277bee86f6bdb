// ETag of an answer: the same image, asked of the same versions in the same way, has the same one.
// It is known before inference, so that If-None-Match saves the whole work.
import { createHash } from 'node:crypto'
import type { Classification, ModelState, Target } from '../classification/types.ts'

export interface EntityTagOptions {
  readonly image: Uint8Array
  /** What answers; see `resolveStates`. */
  readonly states: readonly ModelState[]
  readonly topK: number
}

/**
 * A weak tag: the same image in another batch may differ in the last bits of a probability.
 */
export function entityTag({ image, states, topK }: EntityTagOptions): string {
  const hash = createHash('sha256')
    .update(image)
    .update(JSON.stringify(['v1', topK]))
  for (const { model, version, weights, preprocess, input, output, engine } of states) {
    const { name, version: engineVersion, device, precision } = engine ?? {}
    const runs = [name, engineVersion, device, precision]
    hash.update(JSON.stringify([model, version, weights, preprocess, input, output, runs]))
  }
  return `W/"${hash.digest('base64url')}"`
}

/** The versions that targets mean, or `undefined` where one of them is not served right now. */
export function resolveStates(
  targets: readonly Target[],
  models: readonly ModelState[],
  defaultModel: string,
): readonly ModelState[] | undefined {
  const found = targets.map(({ model = defaultModel, version }) =>
    models
      .filter((state) => state.model === model && state.engine !== undefined)
      .find((state) => (version === undefined ? state.served : isNamed(state, version))),
  )
  return found.some((state) => state === undefined) ? undefined : (found as ModelState[])
}

function isNamed({ version, labels }: ModelState, name: string): boolean {
  return version === name || labels.includes(name)
}

/** False when another version took over while the image was classified. */
export function areSame(
  states: readonly ModelState[],
  answers: readonly Classification[],
): boolean {
  return states.every(
    ({ model, version }, index) =>
      answers[index]?.model === model && answers[index]?.version === version,
  )
}

/** Whether an If-None-Match header names the tag (weak comparison, RFC 9110 §13.1.2). */
export function isMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false
  const opaque = tag.replace(/^W\//, '')
  return header.split(',').some((item) => item.trim().replace(/^W\//, '') === opaque)
}
