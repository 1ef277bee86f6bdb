import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packageVersion } from '../../src/cli/package-version.ts'
import { tempFolder } from '../support/temp-folder.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
/** What a release is made from: no build is among it. */
const sources = [
  ...['src', 'client', 'models/README.md', 'openapi.yaml', 'tsconfig.json', 'package.json'],
  ...['package-lock.json', '.npmrc', 'LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md'],
]

test('the package holds what it runs on, and nothing else', async (t) => {
  const folder = await tempFolder(t)
  for (const name of sources) {
    await cp(join(root, name), join(folder, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  // As CONTRIBUTING.md says: .npmrc switches off what builds and lists the licences.
  const run = promisify(execFile)
  await run('npm', ['pack', '--silent', '--ignore-scripts=false'], { cwd: folder })
  const tarball = `resnet-serving-${packageVersion()}.tgz`
  const { stdout } = await run('tar', ['tzf', tarball], { cwd: folder })
  const paths = stdout.split('\n').map((path) => path.replace(/^package\//, ''))
  const needed = [
    ...['dist/src/cli/bin.cjs', 'dist/src/sessions/worker.js', 'dist/src/imaging/worker.js'],
    ...['dist/src/http/page/index.html', 'dist/src/http/page/main.js', 'openapi.yaml'],
    ...['dist/src/http/page/style/theme.css', 'dist/src/classification/labels-classes.tsv'],
    ...['LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md', 'package.json', 'models/README.md'],
    'THIRD-PARTY.md',
  ]
  for (const path of needed) assert.ok(paths.includes(path), path)
  const strange = paths.filter((path) =>
    /^(test|bench|src|dist\/(test|bench))\/|\.(ts|map)$/.test(path),
  )
  assert.deepEqual(strange, [])
})
