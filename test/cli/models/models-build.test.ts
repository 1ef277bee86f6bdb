import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parseManifest } from '../../../src/repository/manifest.ts'
import { scanRepository } from '../../../src/repository/scan.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const small = ['--filters', '4', '--classes', '10', '--image-size', '32']

async function buildSmall(repository: string, ...more: readonly string[]) {
  const seed = more.includes('--from') ? [] : ['--seed', '1', ...small]
  return await runCommand(['models', 'build', 'resnet34', '--output', repository, ...seed, ...more])
}

test('a seeded model is written with a manifest that calls it random', async (t) => {
  const repository = join(await tempFolder(t), 'models')
  const { code, stdout, stderr } = await buildSmall(repository)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(
    stdout,
    /^resnet34: random weights, [\d,]+ parameters \([\d,]+ folded\), written to /,
  )
  assert.deepEqual(await readdir(repository), ['resnet34'])
  assert.deepEqual((await readdir(join(repository, 'resnet34'))).sort(), [
    '1',
    'labels.txt',
    'model.json',
  ])
  const { versions, problems } = await scanRepository(repository)
  assert.deepEqual(problems, [])
  assert.deepEqual(versions[0]?.manifest.weights, { kind: 'random', source: 'seed 1' })
  assert.equal(versions[0]?.labels?.length, 10)
  const { resizeShortSide, cropSize } = versions[0]?.manifest.preprocess ?? {}
  assert.deepEqual([resizeShortSide, cropSize], [37, 32])
})

test('the same seed writes the same file', async (t) => {
  const repository = await tempFolder(t)
  await buildSmall(repository, '--as', 'one')
  await buildSmall(repository, '--as', 'two')
  const [one, two] = await Promise.all(
    ['one', 'two'].map((name) => readFile(join(repository, name, '1/saved_model.pb'))),
  )
  assert.ok(one && two && one.equals(two))
})

test('the weights of a seed, written to a file and built from it, give the same model', async (t) => {
  const repository = await tempFolder(t)
  const file = join(repository, 'weights.safetensors')
  await buildSmall(repository, '--as', 'seeded', '--write-weights', file)
  const from = await buildSmall(
    repository,
    '--as',
    'imported',
    '--from',
    file,
    '--image-size',
    '32',
  )
  assert.equal(from.stderr, '')
  const [seeded, imported] = await Promise.all(
    ['seeded', 'imported'].map((name) => readFile(join(repository, name, '1/saved_model.pb'))),
  )
  assert.ok(seeded && imported && seeded.equals(imported))
  const manifest = await readFile(join(repository, 'imported/model.json'), 'utf8')
  const { weights } = parseManifest(manifest, 'imported')
  assert.deepEqual([weights.kind, weights.source], ['custom', 'weights.safetensors'])
})

test('a second version joins the first and keeps the labels of versions', async (t) => {
  const repository = await tempFolder(t)
  await buildSmall(repository)
  const path = join(repository, 'resnet34/model.json')
  const manifest = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...manifest, versions: { stable: 1 } }))
  assert.equal((await buildSmall(repository, '--seed', '2')).code, 0)
  const { versions } = await scanRepository(repository)
  assert.deepEqual(
    versions.map(({ version }) => version),
    [2, 1],
  )
  assert.deepEqual(versions[0]?.manifest.versions, { stable: 1 })
})

test('files that wait for a first version stay', async (t) => {
  const repository = await tempFolder(t, { 'resnet34/notes.txt': 'mine' })
  assert.equal((await buildSmall(repository)).code, 0)
  const entries = await readdir(join(repository, 'resnet34'))
  assert.deepEqual(entries.sort(), ['1', 'labels.txt', 'model.json', 'notes.txt'])
})

test('a version that is there is not overwritten', async (t) => {
  const repository = await tempFolder(t)
  await buildSmall(repository)
  const { code, stderr } = await buildSmall(repository, '--version', '1')
  assert.equal(code, 1)
  assert.match(stderr, /holds version 1 already: choose another, or choose another name.*\n$/)
})

test('weights of another kind do not join a model whose manifest would lie about them', async (t) => {
  const repository = await tempFolder(t)
  const file = join(repository, 'weights.safetensors')
  await buildSmall(repository, '--write-weights', file)
  const { code, stderr } = await buildSmall(repository, '--from', file)
  assert.equal(code, 1)
  assert.match(stderr, /holds random weights, and its model\.json speaks for all versions: custom/)
  const replaced = await buildSmall(repository, '--from', file, '--replace')
  assert.equal(replaced.code, 0)
  const { versions } = await scanRepository(repository)
  assert.deepEqual(
    versions.map(({ version, manifest }) => [version, manifest.weights.kind]),
    [[2, 'custom']],
  )
})

test('labels of one’s own are laid beside the manifest', async (t) => {
  const repository = await tempFolder(t, { 'labels.csv': 'a\nb\n' })
  const labels = join(repository, 'labels.csv')
  await buildSmall(repository, '--classes', '2', '--labels', labels)
  const { versions } = await scanRepository(repository, ['resnet34'])
  assert.deepEqual(versions[0]?.labels, ['a', 'b'])
  const wrong = await buildSmall(repository, '--as', 'other', '--labels', labels)
  assert.deepEqual([wrong.code, wrong.stderr], [1, '2 labels for 10 classes\n'])
})

const refusals: readonly [string, readonly string[], RegExp][] = [
  ['no weights', ['resnet34'], /^no weights: say --from FILE\.safetensors, or --seed N/],
  [
    'an unknown network',
    ['resnet18', '--seed', '1'],
    /'resnet18' is invalid.* choices are resnet34, resnet50/,
  ],
  [
    'a seed that is no number',
    ['resnet34', '--seed', 'x'],
    /'x' is invalid\. Expected a whole number from 0 to 4294967295/,
  ],
  ['a seed and a file', ['resnet34', '--seed', '1', '--from', 'x'], /cannot be used with/],
  [
    'a file that is not there',
    ['resnet34', '--from', '/nowhere/x'],
    /^\/nowhere\/x cannot be read/,
  ],
  [
    'a name that is a path',
    ['resnet34', '--seed', '1', '--as', '../x', ...small],
    /^"\.\.\/x" cannot name/,
  ],
]

for (const [what, args, message] of refusals) {
  test(`${what} is refused in one line`, async (t) => {
    const repository = await tempFolder(t)
    const { code, stderr } = await runCommand(['models', 'build', ...args, '--output', repository])
    assert.ok(code === 1 || code === 2, `exit code ${code}`)
    assert.match(stderr, message)
    assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    assert.deepEqual(await readdir(repository), [])
  })
}

test('a file that is no safetensors is refused by its name', async (t) => {
  const repository = await tempFolder(t, { 'weights.bin': 'PK is the beginning of a zip' })
  const { stderr } = await buildSmall(repository, '--from', join(repository, 'weights.bin'))
  assert.match(stderr, /^.*weights\.bin: safetensors: its header claims \d+ bytes.*\n$/)
})

test('MODEL_REPOSITORY says where models go', async (t) => {
  const repository = await tempFolder(t)
  const args = ['models', 'build', 'resnet34', '--seed', '1', ...small]
  const { code } = await runCommand(args, { MODEL_REPOSITORY: repository })
  assert.equal(code, 0)
  assert.deepEqual(await readdir(repository), ['resnet34'])
})
