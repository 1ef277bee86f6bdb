import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../../../', import.meta.url))

test('the package holds what it runs on, and nothing else', async () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 2 ** 24 })
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  const paths = files.map(({ path }) => path)
  const needed = [
    ...['dist/src/cli/bin.cjs', 'dist/src/sessions/worker.js', 'dist/src/imaging/worker.js'],
    ...['dist/src/http/page/index.html', 'dist/src/http/page/main.js', 'openapi.yaml'],
    ...['dist/src/http/page/style/theme.css', 'dist/src/classification/labels-classes.tsv'],
    ...['LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md', 'package.json', 'models/README.md'],
  ]
  for (const path of needed) assert.ok(paths.includes(path), path)
  const strange = paths.filter((path) =>
    /^(test|bench|src|dist\/(test|bench))\/|\.(ts|map)$/.test(path),
  )
  assert.deepEqual(strange, [])
})
