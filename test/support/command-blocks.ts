// The command blocks of README.md and docs/: which of them a test can run, and as what.
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface CommandBlock {
  /** File and line, as an editor opens it. */
  readonly place: string
  readonly commands: string
}

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** What a machine with this package, curl and jq can run; other programs are other tests' business. */
const programs = /^(curl|cat|jq|resnet-serving|npx resnet-serving)\b/
/** Needs a network, does not end, or talks to another server than this service. */
const excluded =
  /models pull|\bserve(\s|$)(?!.*--help)|127\.0\.0\.1:(?!8080)|localhost:(?!8080)|https:\/\//

/** Every ```bash block that can run and is not marked `<!-- not run: … -->`. */
export async function commandBlocks(): Promise<readonly CommandBlock[]> {
  const pages = (await readdir(join(root, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name))
    .sort()
  return ['README.md', ...pages].flatMap(blocksIn).filter(({ commands }) => canRun(commands))
}

function blocksIn(page: string): readonly CommandBlock[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/(<!-- not run: [^>]*-->\s*)?```bash\n(.*?)```/gs)]
    .filter(([, marker]) => marker === undefined)
    .map(({ index, 2: commands = '' }) => {
      const line = text.slice(0, index).split('\n').length
      return { place: `${page}:${line}`, commands }
    })
}

function canRun(commands: string): boolean {
  const lines = commands.replaceAll('\\\n', ' ').split('\n')
  const starts = lines.filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return starts.every((line) => programs.test(line) && !excluded.test(line))
}
