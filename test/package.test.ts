// package.json and .npmrc together: what npm really runs, and for whom.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }

test('no script relies on a pre or post hook, which ignore-scripts switches off', () => {
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m)
  const hooks = Object.keys(scripts).filter((name) => {
    const hooked = /^(pre|post)(.+)$/.exec(name)?.[2]
    // `npm version` is the maintainers' own: CONTRIBUTING.md says how they call it.
    return hooked !== undefined && hooked !== 'version' && hooked in scripts
  })
  assert.deepEqual(hooks, [])
})

test('the lock file names no registry, so that npm ci works with any', () => {
  assert.doesNotMatch(read('package-lock.json'), /"resolved": "http/)
})

test('sharp is loaded in one place, in the way that every supported Node can load it', () => {
  const sources = ['src', 'test', 'bench'].flatMap((folder) =>
    readdirSync(new URL(`../../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  )
  const importers = sources.filter((name) =>
    /^import (?!type)[^;\n]*from 'sharp'$/m.test(read(name)),
  )
  assert.ok(sources.length > 100)
  assert.deepEqual(importers, [])
})
