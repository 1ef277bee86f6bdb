import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { configurationPage } from '../../src/cli/project/generate-docs.ts'
import { incompatible, thirdParties } from '../../src/cli/project/generate-third-party.ts'
import { stamp } from '../../src/cli/project/stamp-changelog.ts'
import { problemKinds } from '../../src/http/problem.ts'
import { parseManifest } from '../../src/repository/manifest.ts'
import { manifestSchema } from '../../src/repository/manifest-schema.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const read = (name: string) => readFileSync(join(root, name), 'utf8')

test('docs/configuration.md is what the table of config.ts says (npm run docs)', () => {
  assert.equal(read('docs/configuration.md'), configurationPage())
})

test('docs/errors.md has every code with its status, and no other', () => {
  const rows = [...read('docs/errors.md').matchAll(/^\| +(\d+) +\| +`(\w+)` +\|/gm)]
  const told = Object.fromEntries(rows.map(([, status, code]) => [code, Number(status)]))
  const kinds = Object.entries(problemKinds).map(([code, { status }]) => [code, status])
  assert.deepEqual(told, Object.fromEntries(kinds))
})

test('the page has advice for every code that it can meet', () => {
  const advice = read('src/http/page/advice.ts')
  const never = ['route_not_found', 'method_not_allowed', 'headers_too_large', 'client_gone']
  for (const code of Object.keys(problemKinds).filter((name) => !never.includes(name))) {
    assert.match(advice, new RegExp(`\\b${code}:`))
  }
})

test('docs/models.md has a row for every key of model.json', () => {
  const { preprocess, ...others } = manifestSchema.properties
  const rows = read('docs/models.md').match(/^\| `[^|]*/gm) ?? []
  const names = rows.flatMap((row) => row.match(/\w+(?=`)/g) ?? [])
  for (const key of [...Object.keys(others), ...Object.keys(preprocess.properties)]) {
    assert.ok(names.includes(key), key)
  }
})

test('the manifests that pages show are read', () => {
  for (const page of ['docs/models.md', 'docs/repository.md']) {
    const manifests = [...read(page).matchAll(/^```json\n(\{.*?^\})\n```/gms)]
    assert.ok(manifests.length > 0, page)
    for (const [, text = ''] of manifests) parseManifest(text, page)
  }
  // What stands in a cell is a part of `preprocess`.
  const cells = [...read('docs/models.md').matchAll(/\| `("(?:rescale|mean|resize).*?)` *\|/g)]
  assert.ok(cells.length > 3)
  for (const [, part] of cells) parseManifest(`{ "preprocess": { ${part} } }`, 'a cell')
})

test('links and pictures of the pages lead somewhere', () => {
  const inDocs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
  const own = ['README.md', 'ARCHITECTURE.md', 'client/README.md']
  const pages = [...own, ...inDocs.map((name) => `docs/${name}`)]
  for (const page of pages) {
    for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^https?:/.test(target)) continue
      assert.ok(existsSync(join(root, dirname(page), target)), `${page}: ${target}`)
    }
  }
})

test('every package that an installation brings has a licence that goes with this one', () => {
  assert.deepEqual(incompatible(thirdParties()), [])
})

test('npm version moves what is unreleased under the new version, and refuses an empty one', () => {
  const before = '# Changelog\n\n## Unreleased\n\n- A thing.\n'
  const stamped = stamp(before, '1.2.0', '2026-01-31')
  assert.equal(stamped, '# Changelog\n\n## Unreleased\n\n## 1.2.0 (2026-01-31)\n\n- A thing.\n')
  assert.throws(() => stamp('## Unreleased\n', '1.2.0', ''), /write down what changed/)
})
