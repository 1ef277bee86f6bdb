// Reads the noun database of WordNet 3.0: one synset a line.
// https://wordnet.princeton.edu/documentation/wndb5wn (Data File Format)

export interface WordNetSynset {
  /** `n` and the eight digits of the synset's offset, as ImageNet writes it. */
  readonly wnid: string
  /** The words for it, the most usual one first, spaces for underscores. */
  readonly lemmas: readonly string[]
  /** WordNet ids of the next more general synsets. */
  readonly parents: readonly string[]
}

/** Pointers to something more general: `@` a kind of it, `@i` an instance of it. */
const hypernymPointers = new Set(['@', '@i'])

/** @param text the content of `data.noun` */
export function parseNouns(text: string): ReadonlyMap<string, WordNetSynset> {
  const lines = text.split('\n').filter((line) => /^\d{8} /.test(line)) // not the licence's lines
  return new Map(
    lines.map(parseSynset).map((synset): [string, WordNetSynset] => [synset.wnid, synset]),
  )
}

/** offset lex_filenum ss_type w_cnt (word lex_id)… p_cnt (pointer offset pos source/target)… */
function parseSynset(line: string): WordNetSynset {
  const [offset, , , wordCount = '', ...rest] = line.slice(0, line.indexOf(' |')).split(' ')
  const words = Number.parseInt(wordCount, 16)
  const lemmas = everyNth(rest.slice(0, words * 2), 2)
  const pointers = rest.slice(words * 2 + 1)
  const offsets = everyNth(pointers.slice(1), 4)
  const parents = everyNth(pointers, 4).flatMap((symbol, index) =>
    hypernymPointers.has(symbol) ? [`n${offsets[index]}`] : [],
  )
  return { wnid: `n${offset}`, lemmas: lemmas.map((word) => word.replaceAll('_', ' ')), parents }
}

function everyNth(fields: readonly string[], step: number): readonly string[] {
  return fields.filter((_, index) => index % step === 0)
}
