// `npm run generate:labels -- --wordnet DIR --ids FILE`: writes the label table of src/classification/.
// DIR holds data.noun (Debian's wordnet-base: usr/share/wordnet), FILE the 1000 WordNet ids in the
// order of the classes (timm's wheel: timm/data/_info/imagenet_synsets.txt).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { UsageError } from '../../errors.ts'
import { labelClasses, synsetOf, synsetsAbove } from './label-table.ts'
import { parseNouns } from './wordnet.ts'

const classCount = 1000

function generate({ wordnet, ids }: { wordnet: string; ids: string }): void {
  const nouns = parseNouns(readFileSync(join(wordnet, 'data.noun'), 'utf8'))
  const wnids = readFileSync(ids, 'utf8').trim().split(/\s+/)
  if (wnids.length !== classCount) {
    throw new UsageError(`${ids} holds ${wnids.length} ids, expected ${classCount}`)
  }
  const labels = labelClasses(wnids, nouns)
  writeTable(
    'labels-classes.tsv',
    ['index', 'wnid', 'label', 'parents'],
    [
      ...wnids.map((wnid, index) => [
        String(index),
        wnid,
        labels[index] ?? '',
        synsetOf(wnid, nouns).parents.join(','),
      ]),
    ],
  )
  writeTable(
    'labels-hypernyms.tsv',
    ['wnid', 'label', 'parents'],
    [
      ...synsetsAbove(wnids, nouns).map(({ wnid, lemmas, parents }) => [
        wnid,
        lemmas[0] ?? '',
        parents.join(','),
      ]),
    ],
  )
}

/** Writes beside the source, wherever the compiled script lies in dist/. */
function writeTable(name: string, columns: string[], rows: readonly string[][]): void {
  const target = new URL(`../../../../src/classification/${name}`, import.meta.url)
  writeFileSync(target, `${[columns, ...rows].map((row) => row.join('\t')).join('\n')}\n`)
  process.stdout.write(`${name}: ${rows.length} rows\n`)
}

new Command('generate-labels')
  .requiredOption('--wordnet <folder>', "WordNet's folder, with data.noun")
  .requiredOption('--ids <file>', 'the 1000 WordNet ids, in the order of the classes')
  .action(generate)
  .parse()
