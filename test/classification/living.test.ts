// What operators do to a living repository, and what clients see meanwhile: on real models, with real
// session processes.
import assert from 'node:assert/strict'
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'
import { writeSmallModels, writeSmallVersion } from '../support/small-repository.ts'

let service: Service
before(async () => {
  service = await startService()
})
after(() => service.close())

let model = ''
let folder = ''
let modelCount = 0
beforeEach(() => {
  model = `model-${++modelCount}`
  folder = join(service.folder, model)
})

const write = (versions: Readonly<Record<number, number>>, manifest: object = {}) =>
  writeSmallModels(service.folder, [{ name: model, versions, manifest }])

async function writeManifest(changes: object): Promise<void> {
  const path = join(folder, 'model.json')
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...changes }))
}

async function changeManifest(changes: object): Promise<void> {
  await writeManifest(changes)
  await service.reload()
}

async function answer(key: string, version?: string) {
  const [classification] = await service.classifier.classify({
    image: new Uint8Array(await picture(1)),
    targets: [{ model, key, version }],
    topK: 10,
    deadline: performance.now() + 60_000,
    signal: new AbortController().signal,
  })
  assert.ok(classification)
  return classification
}

async function versionsFor(keys: readonly string[]): Promise<string[]> {
  const versions: string[] = []
  for (const key of keys) versions.push((await answer(key)).version)
  return versions
}

const served = () =>
  service.classifier
    .models()
    .filter((row) => row.model === model && row.state === 'ready')
    .map(({ version }) => version)

const loads = () => service.log.filter((line) => line.msg === 'model ready').length

test('a canary gets its share of the requests, the same ones each time', async () => {
  await write({ 1: 1, 2: 2 }, { versions: { canary: 2 }, default: 1, traffic: { canary: 25 } })
  await service.reload()
  const keys = Array.from({ length: 80 }, (_, index) => `request ${index}`)
  const versions = await versionsFor(keys)
  const canary = versions.filter((version) => version === '2').length
  assert.ok(canary > 10 && canary < 30, `${canary} of 80, about 20 were meant`)
  assert.deepEqual(await versionsFor(keys.slice(0, 20)), versions.slice(0, 20))
  assert.equal((await answer('', 'canary')).version, '2')
  await changeManifest({ traffic: { canary: 0 } })
  assert.deepEqual(new Set(await versionsFor(keys.slice(0, 20))), new Set(['1']))
})

test('a canary never gets more than its share, also while others are still loading', async () => {
  await write({ 1: 1 })
  await service.reload()
  await writeSmallVersion(join(folder, '2'), 2)
  await writeManifest({ versions: { canary: 2 }, traffic: { canary: 0 } })
  await writeSmallModels(service.folder, [{ name: `${model}-later`, versions: { 1: 3 } }])
  let isChanging = true
  const reloading = service.reload().finally(() => (isChanging = false))
  const seen = new Set<string>()
  while (isChanging) seen.add((await answer('any')).version)
  await reloading
  assert.deepEqual(seen, new Set(['1']))
  assert.equal((await answer('any', 'canary')).version, '2')
})

test('the default stays with the version that serves until the one that is named does', async () => {
  await write({ 1: 1 })
  await service.reload()
  await writeSmallVersion(join(folder, '3'), 3)
  await mkdir(join(folder, '2'))
  await writeFile(join(folder, '2', 'saved_model.pb'), 'no model at all')
  await changeManifest({ versions: { stable: 2, trial: 3 }, default: 'stable' })
  assert.equal((await answer('any')).version, '1')
  assert.equal((await answer('any', 'trial')).version, '3')
  await writeSmallVersion(join(folder, '2'), 2)
  await service.reload()
  assert.equal((await answer('any')).version, '2')
})

test('a manifest that cannot be read changes nothing; a right one holds from the next look on', async () => {
  await write({ 1: 1, 2: 2 })
  await service.reload()
  const right = await readFile(join(folder, 'model.json'), 'utf8')
  const before = loads()
  for (const wrong of ['{ "versions": {', '{ "versionPolicy": "none" }', '{ "default": "gone" }']) {
    await writeFile(join(folder, 'model.json'), wrong)
    await service.reload()
    assert.deepEqual(served(), ['2'], wrong)
    assert.equal((await answer('any')).version, '2')
    assert.ok(
      service.lineup.problems().some((problem) => problem.model === model),
      wrong,
    )
  }
  await writeFile(join(folder, 'model.json'), right)
  await changeManifest({ versionPolicy: { all: {} } })
  assert.deepEqual(served(), ['2', '1'])
  assert.deepEqual(service.lineup.problems(), [])
  assert.equal(loads(), before + 1, 'what served was not loaded again')
})

test('each version policy serves what it says, in whosever spelling', async () => {
  await write({ 1: 1, 2: 2, 3: 3 }, { versionPolicy: { specific: { versions: [1, 3] } } })
  await service.reload()
  assert.deepEqual(served(), ['3', '1'])
  await changeManifest({ versionPolicy: { all: {} } })
  assert.deepEqual(served(), ['3', '2', '1'])
  await changeManifest({
    versionPolicy: undefined,
    version_policy: { latest: { num_versions: 2 } },
  })
  assert.deepEqual(served(), ['3', '2'])
  await changeManifest({ versionPolicy: { specific: { versions: [9] } } })
  assert.deepEqual(served(), ['3', '2'], 'a policy that chooses nothing takes nothing away')
})

test('a ConfigMap-style volume changes at once when its ..data link does', async () => {
  await write({ 1: 1 })
  await mkdir(join(folder, '..first'))
  for (const name of (await readdir(folder)).filter((each) => !each.startsWith('.'))) {
    await rename(join(folder, name), join(folder, '..first', name))
    await symlink(join('..data', name), join(folder, name))
  }
  await symlink('..first', join(folder, '..data'))
  await service.reload()
  const first = await answer('any')
  await cp(join(folder, '..first'), join(folder, '..second'), { recursive: true })
  await writeSmallVersion(join(folder, '..second', '1'), 2)
  await symlink('..second', join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await rm(join(folder, '..first'), { recursive: true })
  await service.reload()
  const second = await answer('any')
  assert.deepEqual([first.version, second.version], ['1', '1'])
  assert.notDeepEqual(second.predictions, first.predictions)
})

test('a version that is a link follows where it points', async () => {
  await write({ 1: 1 })
  const store = join(service.folder, '.store', model)
  for (const seed of [2, 3]) await writeSmallVersion(join(store, String(seed)), seed)
  await symlink(join(store, '2'), join(folder, '2'))
  await service.reload()
  const first = await answer('any')
  await symlink(join(store, '3'), join(folder, '.new'))
  await rename(join(folder, '.new'), join(folder, '2'))
  await service.reload()
  const second = await answer('any')
  assert.deepEqual([first.version, second.version], ['2', '2'])
  assert.notDeepEqual(second.predictions, first.predictions)
})

test('a version whose folder is deleted while it loads leaves the others as they were', async () => {
  await write({ 1: 1 })
  await service.reload()
  await writeSmallVersion(join(folder, '2'), 2)
  const reloading = service.reload()
  await rm(join(folder, '2'), { recursive: true })
  await reloading
  await service.reload()
  assert.deepEqual(served(), ['1'])
  assert.equal((await answer('any')).version, '1')
})
