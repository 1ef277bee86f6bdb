// The built-in table of the 1000 ImageNet classes and of the WordNet synsets above them. The two
// .tsv files beside this one are written by `npm run generate:labels` (see NOTICE for sources).
import { readFileSync } from 'node:fs'
import type { LabelRow } from './types.ts'

/** A WordNet synset: a class, or one of the more general ones above it. */
export interface Synset {
  readonly wnid: string
  readonly label: string
  /** WordNet ids of the next more general synsets; mostly one, none at the root. */
  readonly parents: readonly string[]
}

export interface ImagenetLabel extends LabelRow {
  readonly wnid: string
}

let labels: readonly ImagenetLabel[] | undefined
let synsets: ReadonlyMap<string, Synset> | undefined

/** The 1000 classes in the order of every network's outputs; read when first asked for. */
export function imagenetLabels(): readonly ImagenetLabel[] {
  labels ??= readRows('labels-classes.tsv').map(([index, wnid = '', label = '']) => ({
    index: Number(index),
    wnid,
    label,
  }))
  return labels
}

/** Every class and every synset above one, by WordNet id; read when first asked for. */
export function imagenetSynsets(): ReadonlyMap<string, Synset> {
  synsets ??= new Map(
    [
      ...readRows('labels-classes.tsv').map(([, ...fields]) => fields),
      ...readRows('labels-hypernyms.tsv'),
    ].map(([wnid = '', label = '', parents = '']) => [
      wnid,
      { wnid, label, parents: parents === '' ? [] : parents.split(',') },
    ]),
  )
  return synsets
}

/** Tab-separated fields of each line but the first, which names them. */
function readRows(file: string): readonly string[][] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t'))
}
