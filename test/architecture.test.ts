// The room table of ARCHITECTURE.md holds, and the tool that checks it really sees the imports:
// with an unsupported TypeScript dependency-cruiser reads no module and reports no violation.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { appendFile, cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tempFolder } from './support/temp-folder.ts'

const project = fileURLToPath(new URL('../../', import.meta.url))
const cruiser = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')

function cruise(folder: string) {
  const flags = ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'err']
  const { status, stdout } = spawnSync(process.execPath, [cruiser, ...flags], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { status, stdout }
}

async function copyOfProject(t: Parameters<typeof tempFolder>[0]): Promise<string> {
  const folder = await tempFolder(t)
  for (const name of ['src', 'tsconfig.json', '.dependency-cruiser.cjs', 'package.json']) {
    await cp(join(project, name), join(folder, name), { recursive: true })
  }
  await symlink(join(project, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

test('no import in src breaks the room table, and the modules were really read', () => {
  const { status, stdout } = cruise(project)
  assert.equal(status, 0, stdout)
  const modules = Number(/\((\d+) modules/.exec(stdout)?.[1])
  assert.ok(modules > 20, stdout)
})

const forbidden: [string, string, string][] = [
  [
    'src/batching/batcher.ts',
    "import '../errors.ts'\nimport '../graph/graph.ts'",
    'what-batching-may-import',
  ],
  [
    'src/imaging/imaging.ts',
    "import type { Graph } from '../graph/graph.ts'\nexport type X = Graph",
    'what-imaging-may-import',
  ],
  ['src/classification/types.ts', "import 'sharp'", 'sharp-lives-in-imaging'],
  ['src/repository/scan.ts', "import '../config.ts'", 'nobody-imports-the-root'],
  [
    'src/sessions/plan.ts',
    "import '../engines/engine.ts'",
    'engines-load-in-the-session-process-only',
  ],
  [
    'src/cli/tune/tune.ts',
    "import '../doctor/finding.ts'",
    'commands-share-what-lies-above-their-folders',
  ],
]

for (const [file, statement, rule] of forbidden) {
  test(`an import that ${rule} forbids is found in ${file}`, async (t) => {
    const folder = await copyOfProject(t)
    await appendFile(join(folder, file), `\n${statement}\n`)
    const { status, stdout } = cruise(folder)
    assert.notEqual(status, 0)
    assert.match(stdout, new RegExp(`error ${rule}`))
  })
}
