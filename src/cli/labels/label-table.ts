// From WordNet ids to the rows of the label table: readable labels, and the synsets above them.
import { UsageError } from '../../errors.ts'
import type { WordNetSynset } from './wordnet.ts'

export type Nouns = ReadonlyMap<string, WordNetSynset>

/**
 * The label of each class: its first word. Where two classes share one (crane), each is told apart
 * by the first word of what it is a kind of: `crane (wading bird)`.
 * @throws UsageError where that leaves two alike
 */
export function labelClasses(wnids: readonly string[], nouns: Nouns): readonly string[] {
  const plain = wnids.map((wnid) => firstWord(wnid, nouns))
  const counts = countOf(plain)
  const labels = plain.map((label, index) => {
    if (counts.get(label.toLowerCase()) === 1) return label
    const parent = synsetOf(wnids[index] ?? '', nouns).parents[0] ?? ''
    return `${label} (${firstWord(parent, nouns)})`
  })
  const alike = [...countOf(labels)].filter(([, count]) => count > 1).map(([label]) => label)
  if (alike.length > 0) throw new UsageError(`classes still share the labels ${alike.join(', ')}`)
  return labels
}

/** Every synset above these, each once, sorted by id. */
export function synsetsAbove(wnids: readonly string[], nouns: Nouns): readonly WordNetSynset[] {
  const above = new Map<string, WordNetSynset>()
  const visit = (wnid: string): void => {
    for (const parent of synsetOf(wnid, nouns).parents) {
      if (above.has(parent)) continue
      above.set(parent, synsetOf(parent, nouns))
      visit(parent)
    }
  }
  wnids.forEach(visit)
  return [...above.values()].sort((a, b) => (a.wnid < b.wnid ? -1 : 1))
}

function countOf(labels: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const label of labels) {
    const key = label.toLowerCase()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

function firstWord(wnid: string, nouns: Nouns): string {
  return synsetOf(wnid, nouns).lemmas[0] ?? wnid
}

/** @throws UsageError where WordNet has no such noun */
export function synsetOf(wnid: string, nouns: Nouns): WordNetSynset {
  const synset = nouns.get(wnid)
  if (synset === undefined) throw new UsageError(`WordNet has no noun ${JSON.stringify(wnid)}`)
  return synset
}
