// What is served follows what the repository holds: on real models, with real session processes.
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { picture } from '../support/pictures.ts'
import { type Service, type ServiceOptions, startService } from '../support/service.ts'
import { writeSmallModels, writeSmallVersion } from '../support/small-repository.ts'

async function withService(
  options: ServiceOptions,
  act: (service: Service) => Promise<void>,
): Promise<void> {
  const service = await startService(options)
  try {
    await act(service)
  } finally {
    await service.close()
  }
}

/** `small/1 ready`, … */
const states = ({ classifier }: Service) =>
  classifier.models().map(({ model, version, state }) => `${model}/${version} ${state}`)

async function answer({ classifier }: Service, version?: string) {
  const [classification] = await classifier.classify({
    image: new Uint8Array(await picture(1)),
    targets: [{ model: 'small', version }],
    topK: 10,
    deadline: performance.now() + 60_000,
    signal: new AbortController().signal,
  })
  return classification
}

test('a new version takes over once it is warm, and the old one goes', async () => {
  await withService({}, async (service) => {
    const before = await answer(service)
    await writeSmallVersion(join(service.folder, 'small', '2'), 9)
    await service.reload()
    const after = await answer(service)
    assert.deepEqual([before?.version, after?.version], ['1', '2'])
    assert.notDeepEqual(before?.predictions, after?.predictions)
    assert.equal(states(service)[0], 'small/2 ready')
    await assert.rejects(answer(service, '1'), { code: 'version_not_found' })
  })
})

test('requests that run while versions change are all answered', async () => {
  await withService({}, async (service) => {
    let changing = true
    const versions = new Set<string | undefined>()
    const asking = (async () => {
      while (changing) versions.add((await answer(service))?.version)
    })()
    await writeSmallVersion(join(service.folder, 'small', '2'), 9)
    await service.reload()
    versions.add((await answer(service))?.version)
    changing = false
    await asking
    assert.deepEqual([...versions], ['1', '2'])
  })
})

test('a version that cannot be loaded leaves the old one serving, and is tried again when it changes', async () => {
  await withService({}, async (service) => {
    const folder = join(service.folder, 'small', '2')
    await writeSmallVersion(folder, 9)
    await writeFile(join(folder, 'saved_model.pb'), 'no model at all')
    await service.reload()
    assert.deepEqual(states(service), ['small/1 ready', 'small/2 failed'])
    assert.equal((await answer(service))?.version, '1')
    assert.equal(service.classifier.ready(), true, 'the model still has a version that answers')
    const failures = () => service.log.filter(({ level }) => level === 50).length
    const before = failures()
    await service.reload()
    assert.equal(failures(), before, 'what did not change is not tried again')
    await writeSmallVersion(folder, 9)
    await service.reload()
    assert.equal((await answer(service))?.version, '2')
  })
})

test('a version with a label is served beside the highest, for as long as it has the label', async () => {
  const labelled = { name: 'small', versions: { 1: 1, 2: 2, 3: 3 } }
  const options = { models: [{ ...labelled, manifest: { versions: { stable: 2 } } }] }
  await withService(options, async (service) => {
    assert.deepEqual(states(service), ['small/3 ready', 'small/2 ready'])
    assert.equal((await answer(service, 'stable'))?.version, '2')
    assert.equal((await answer(service, '2'))?.version, '2')
    assert.equal((await answer(service))?.version, '3')
    await assert.rejects(answer(service, '1'), {
      code: 'version_not_found',
      message: /served are: 3, 2, stable/,
    })
  })
})

test('a model whose files are gone is let go, one that appears is served', async () => {
  await withService({ models: [{ name: 'small' }, { name: 'other' }] }, async (service) => {
    await rm(join(service.folder, 'other'), { recursive: true })
    await writeSmallModels(service.folder, [{ name: 'third', versions: { 1: 4 } }])
    await service.reload()
    const ready = states(service).filter((state) => state.endsWith('ready'))
    assert.deepEqual(ready, ['small/1 ready', 'third/1 ready'])
    assert.equal((await answer(service))?.model, 'small')
  })
})

test('closed, it serves nothing more and has no session left', async () => {
  await withService({}, async (service) => {
    await service.lineup.close()
    assert.deepEqual(states(service), [])
    await assert.rejects(answer(service), { code: 'not_ready' })
  })
})
