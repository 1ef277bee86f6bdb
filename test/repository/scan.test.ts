import assert from 'node:assert/strict'
import { symlink, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { scanRepository } from '../../src/repository/scan.ts'
import { tempFolder } from '../support/temp-folder.ts'

test('models come by name, versions from the highest', async (t) => {
  const root = await tempFolder(t, {
    'b/2/saved_model.pb': '',
    'b/10/saved_model.pb': '',
    'a/1/saved_model.pb': '',
    'a/1568640000/saved_model.pb': '', // as TensorFlow's exporters call it
    'README.md': 'not a model',
    '.cache/1/saved_model.pb': '',
  })
  const { versions, problems } = await scanRepository(root)
  const found = versions.map(({ model, version }) => `${model}/${version}`)
  assert.deepEqual(found, ['a/1568640000', 'a/1', 'b/10', 'b/2'])
  assert.deepEqual(problems, [])
})

test('only the models asked for are looked at, and one that is not there is a problem', async (t) => {
  const root = await tempFolder(t, { 'a/1/saved_model.pb': '', 'b/1/saved_model.pb': '' })
  const { versions, problems } = await scanRepository(root, ['b', 'c'])
  assert.deepEqual(
    versions.map(({ model }) => model),
    ['b'],
  )
  assert.match(problems[0]?.message ?? '', /model c is not in the repository; it holds a, b/)
})

test('what is half there is a problem of its own and hides nothing else', async (t) => {
  const root = await tempFolder(t, {
    'copying/1/variables/variables.index': '',
    'empty/readme.txt': '',
    'bad name/1/saved_model.pb': '',
    'manifest/1/saved_model.pb': '',
    'manifest/model.json': '{"weights":{"kind":"x"}}',
    'good/1/saved_model.pb': '',
  })
  const { versions, problems } = await scanRepository(root)
  assert.deepEqual(
    versions.map(({ model }) => model),
    ['good'],
  )
  const messages = Object.fromEntries(problems.map(({ model, message }) => [model, message]))
  assert.match(messages.copying ?? '', /copying\/1 holds no saved_model.pb/)
  assert.match(messages.empty ?? '', /no version folder/)
  assert.match(messages['bad name'] ?? '', /names may hold/)
  assert.match(messages.manifest ?? '', /weights.kind must be equal/)
})

test('labels of a model are the lines of the file that its manifest names', async (t) => {
  const root = await tempFolder(t, {
    'm/1/saved_model.pb': '',
    'm/model.json': '{"labels":"labels.txt"}',
    'm/labels.txt': 'cat\r\ndog\r\n',
  })
  const { versions } = await scanRepository(root)
  assert.deepEqual(versions[0]?.labels, ['cat', 'dog'])
})

test('a byte order mark, which editors on Windows write, is no part of a label or a manifest', async (t) => {
  const root = await tempFolder(t, {
    'm/1/saved_model.pb': '',
    'm/model.json': '\ufeff{"labels":"labels.txt"}',
    'm/labels.txt': '\ufeffcat\r\ndog\r\n',
  })
  const { versions } = await scanRepository(root)
  assert.deepEqual(versions[0]?.labels, ['cat', 'dog'])
})

test('a device in place of a file is told, not read for ever', async (t) => {
  const root = await tempFolder(t, { 'm/1/saved_model.pb': '' })
  await symlink('/dev/zero', `${root}/m/model.json`)
  const { problems } = await scanRepository(root)
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['m/model.json is not a file'],
  )
})

test('a version that is a link to itself hides no other', async (t) => {
  const root = await tempFolder(t, { 'm/1/saved_model.pb': '' })
  await symlink('2', `${root}/m/2`)
  const { versions, problems } = await scanRepository(root)
  assert.deepEqual(
    versions.map(({ version }) => version),
    [1],
  )
  assert.match(problems[0]?.message ?? '', /m\/2 holds no saved_model.pb/)
})

test('a label file outside the model is refused', async (t) => {
  const root = await tempFolder(t, {
    'm/1/saved_model.pb': '',
    'm/model.json': '{"labels":"../secret.txt"}',
    'secret.txt': 'x',
  })
  const { versions, problems } = await scanRepository(root)
  assert.equal(versions.length, 0)
  assert.match(problems[0]?.message ?? '', /lead outside the model's folder/)
})

test('a repository that is not there says which', async () => {
  await assert.rejects(scanRepository('/nowhere/at/all'), {
    name: 'ModelError',
    kind: 'missing',
    message: /\/nowhere\/at\/all/,
  })
})

test('what cannot be read says so, so that a served version is not taken for removed', async (t) => {
  const root = await tempFolder(t, {
    'garbled/1/saved_model.pb': '',
    'garbled/model.json': '\u0000\u0001',
    'unlabelled/1/saved_model.pb': '',
    'unlabelled/model.json': '{"labels":"gone.txt"}',
    'emptied/readme.txt': '',
  })
  const { problems } = await scanRepository(root)
  assert.deepEqual(
    problems.map(({ model, unread }) => [model, unread]),
    [
      ['emptied', false],
      ['garbled', true],
      ['unlabelled', true],
    ],
  )
})

test('a version counts as changed when any of its files does, also one with a copied time', async (t) => {
  const root = await tempFolder(t, {
    'm/1/saved_model.pb': '',
    'm/1/variables/variables.data-00000-of-00001': 'half',
  })
  const found = async () => {
    const [version] = (await scanRepository(root)).versions
    assert.ok(version)
    return version
  }
  const before = await found()
  const data = `${root}/m/1/variables/variables.data-00000-of-00001`
  await setTimeout(20) // file systems keep times in ticks
  await writeFile(data, 'whole')
  await utimes(data, 1, 1)
  const after = await found()
  assert.ok(after.writtenMs > before.writtenMs)
  assert.notEqual(after.fingerprint, before.fingerprint)
})

test('a look holds one thread at a time: a file server that hangs must not stop who needs the others', async (t) => {
  const shards = Array.from({ length: 30 }, (_, index) => [`m/1/variables/shard-${index}`, ''])
  const root = await tempFolder(t, { 'm/1/saved_model.pb': '', ...Object.fromEntries(shards) })
  let most = 0
  let looking = true
  const scan = scanRepository(root).finally(() => {
    looking = false
  })
  while (looking) {
    const busy = process.getActiveResourcesInfo().filter((kind) => /^FS/.test(kind)).length
    most = Math.max(most, busy)
    await setImmediate()
  }
  await scan
  assert.equal(most, 1)
})
