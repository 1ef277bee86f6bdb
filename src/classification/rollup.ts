// The roll-up: 1000 fine classes split what an image shows among them ("Eskimo dog 0.4, Siberian
// husky 0.3, malamute 0.2"); summed over the classes below each synset of WordNet they say what it
// certainly is ("dog 0.93").
import { imagenetSynsets } from './labels.ts'
import type { LabelRow, RollupTerm } from './types.ts'

/** Terms that sum to less are no answer unless somebody asks for less. */
export const usualConfidence = 0.5

/** Terms above more than this share of the classes (entity, object, artifact) say nothing. */
const mostCovered = 0.5

interface Term {
  readonly term: Omit<RollupTerm, 'probability'>
  /** Indices of the classes below it. */
  readonly members: readonly number[]
}

const known = new WeakMap<readonly LabelRow[], readonly Term[]>()

export function canRollUp(labels: readonly LabelRow[]): boolean {
  return labels.some(({ wnid }) => wnid !== undefined)
}

/**
 * Terms of at least `confidence`, the most specific first.
 * @param probabilities float32 [classes], in the order of `labels`
 */
export function rollUp(
  probabilities: Float32Array,
  labels: readonly LabelRow[],
  confidence = usualConfidence,
): readonly RollupTerm[] {
  // A plain loop: this runs on the main thread for every image.
  const confident: RollupTerm[] = []
  for (const { term, members } of termsOf(labels)) {
    // Rounding of a thousand float32 must not make certainty more than certain.
    const probability = Math.min(1, sumAt(probabilities, members))
    if (probability >= confidence) confident.push({ ...term, probability })
  }
  return confident
}

function sumAt(probabilities: Float32Array, members: readonly number[]): number {
  let sum = 0
  for (let at = 0; at < members.length; at++) sum += probabilities[members[at] as number] as number
  return sum
}

/** The terms of a table of labels, from the most specific; made when first asked for. */
function termsOf(labels: readonly LabelRow[]): readonly Term[] {
  const found = known.get(labels)
  if (found !== undefined) return found
  const terms = withoutTwins(
    [...membersBySynset(labels)]
      .filter(([, members]) => members.length > 1 && members.length <= labels.length * mostCovered)
      .map(([wnid, members]): Term => {
        const label = imagenetSynsets().get(wnid)?.label ?? wnid
        const term = { wnid, label, depth: depthOf(wnid), classes: members.length }
        return { term, members }
      })
      .sort(
        ({ term: a }, { term: b }) =>
          a.classes - b.classes || b.depth - a.depth || a.wnid.localeCompare(b.wnid),
      ),
  )
  known.set(labels, terms)
  return terms
}

/** WordNet has more than one way up, but a class counts once for every term above it. */
function membersBySynset(labels: readonly LabelRow[]): Map<string, number[]> {
  const members = new Map<string, number[]>()
  for (const { index, wnid } of labels) {
    for (const term of wnid === undefined ? [] : above(wnid)) {
      const list = members.get(term)
      if (list === undefined) members.set(term, [index])
      else list.push(index)
    }
  }
  return members
}

/** All synsets above one, each once. */
function above(wnid: string): ReadonlySet<string> {
  const reached = new Set<string>()
  const climb = (from: string): void => {
    for (const parent of imagenetSynsets().get(from)?.parents ?? []) {
      if (reached.has(parent)) continue
      reached.add(parent)
      climb(parent)
    }
  }
  climb(wnid)
  return reached
}

/** Of terms with the same classes below them only the most specific: the others add no news. */
function withoutTwins(terms: readonly Term[]): readonly Term[] {
  const seen = new Set<string>()
  return terms.filter(({ members }) => {
    const key = members.join()
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

const depths = new Map<string, number>()

function depthOf(wnid: string): number {
  const found = depths.get(wnid)
  if (found !== undefined) return found
  const parents = imagenetSynsets().get(wnid)?.parents ?? []
  const depth = parents.length === 0 ? 0 : 1 + Math.max(...parents.map(depthOf))
  depths.set(wnid, depth)
  return depth
}
