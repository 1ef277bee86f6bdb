// What is served follows what the repository holds: on real models, with real session processes.
import assert from 'node:assert/strict'
import { cp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
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

/** A service that starts on these versions of `small`, of which some are no models. */
async function withBroken(
  {
    versions,
    broken,
    manifest = {},
  }: Readonly<Record<'versions' | 'broken', readonly number[]>> & {
    readonly manifest?: object
  },
  act: (service: Service) => Promise<void>,
): Promise<void> {
  await withService({ models: [] }, async (service) => {
    const seeds = Object.fromEntries(versions.map((version) => [version, version]))
    await writeSmallModels(service.folder, [{ name: 'small', versions: seeds, manifest }])
    for (const version of broken) {
      await writeFile(join(service.folder, 'small', `${version}`, 'saved_model.pb'), 'no model')
    }
    await service.reload()
    await act(service)
  })
}

test('at the start, the best version that is whole stands in for broken ones above it', async () => {
  await withBroken({ versions: [1, 2, 3, 4], broken: [3, 4] }, async (service) => {
    assert.deepEqual(states(service), ['small/2 ready', 'small/4 failed', 'small/3 failed'])
    assert.equal((await answer(service))?.version, '2')
    assert.equal(service.classifier.ready(), true, 'the model has a version that answers')
    const lines = service.log.filter(({ level }) => level === 50)
    assert.deepEqual(
      lines.map(({ version }) => version),
      ['4', '3'],
    )
    await service.reload()
    assert.equal((await answer(service))?.version, '2', 'it stays')
    assert.equal(service.log.filter(({ level }) => level === 50).length, 2, 'none is tried again')
    await writeSmallVersion(join(service.folder, 'small', '4'), 9)
    await service.reload()
    assert.equal((await answer(service))?.version, '4')
    assert.equal(states(service)[0], 'small/4 ready')
    await assert.rejects(answer(service, '2'), { code: 'version_not_found' })
  })
})

test('a version that failed is told by a metric for as long as it is wanted, whatever stands in', async () => {
  await withBroken({ versions: [1, 2, 3], broken: [3] }, async (service) => {
    const series = async () => {
      const lines = (await service.metrics.render()).split('\n')
      return lines.filter((line) => line.startsWith('model_last_load_success'))
    }
    assert.deepEqual(await series(), ['model_last_load_success{model="small"} 0'])
    await rm(join(service.folder, 'small', '3'), { recursive: true })
    await service.reload()
    assert.deepEqual(await series(), ['model_last_load_success{model="small"} 1'])
  })
})

test('nothing stands in for versions that a manifest names one by one', async () => {
  const manifest = { versionPolicy: { specific: { versions: [2] } } }
  await withBroken({ versions: [1, 2], broken: [2], manifest }, async (service) => {
    assert.deepEqual(states(service), ['small/2 failed'])
    assert.equal(service.classifier.ready(), false)
  })
})

test('a version moved away and another moved in: requests that name none are answered throughout', async () => {
  const models = [{ name: 'small' }, { name: 'other' }]
  await withService({ models, settleMs: 300 }, async (service) => {
    const before = await answer(service)
    const next = join(service.folder, '.next')
    await writeSmallVersion(next, 9)
    for (const target of ['1', '2']) {
      const present = (await readdir(join(service.folder, 'small'))).find((name) =>
        /^\d$/.test(name),
      )
      await rename(join(service.folder, 'small', present ?? ''), join(service.folder, `.${target}`))
      await service.reload() // a look between the two steps
      assert.ok(states(service).includes('small/1 ready'))
      await answer(service)
      await cp(next, join(service.folder, 'small', target), { recursive: true })
      const isNew = async () => {
        await service.reload()
        const { version, predictions } = (await answer(service)) ?? {}
        return version === target && !isDeepStrictEqual(predictions, before?.predictions)
      }
      while (!(await isNew())) await sleep(20)
    }
  })
})

test('a version that stays away is let go', async () => {
  const models = [{ name: 'small' }, { name: 'other' }]
  await withService({ models, settleMs: 100 }, async (service) => {
    await rm(join(service.folder, 'small'), { recursive: true })
    await service.reload()
    await answer(service)
    while (states(service).some((state) => state.startsWith('small/1 ready'))) {
      await service.reload()
      await sleep(20)
    }
    await assert.rejects(answer(service), { code: 'model_not_found' })
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

test('without DEFAULT_MODEL, the only model answers requests that name none, and goes on when others come', async () => {
  await withService({ defaultModel: '', models: [{ name: 'mine' }] }, async (service) => {
    const ask = async (model?: string) => {
      const body = new Uint8Array(await picture(1))
      const query = model === undefined ? '' : `?model=${model}`
      const asked = await fetch(`${service.origin}/v1/classify${query}`, { method: 'POST', body })
      return (await asked.json()) as { model?: string; code?: string; detail?: string }
    }
    assert.equal((await ask()).model, 'mine')
    await writeSmallModels(service.folder, [{ name: 'a-second' }])
    await service.reload()
    assert.equal((await ask('a-second')).model, 'a-second')
    assert.equal((await ask()).model, 'mine')
  })
})

test('without DEFAULT_MODEL, resnet50 is the default among several, also where it is not served', async () => {
  const models = [{ name: 'one' }, { name: 'two' }]
  await withService({ defaultModel: '', models }, async (service) => {
    const body = new Uint8Array(await picture(1))
    const ask = async () => {
      const answer = await fetch(`${service.origin}/v1/classify`, { method: 'POST', body })
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
    }
    const { status, body: problem } = await ask()
    assert.deepEqual([status, problem.code], [404, 'model_not_found'])
    assert.equal(
      problem.detail,
      'the request names no model, and the default, "resnet50", is not served; name one of: one, two',
    )
    await writeSmallModels(service.folder, [{ name: 'resnet50' }])
    await service.reload()
    assert.equal((await ask()).body.model, 'resnet50')
  })
})

test('closed, it serves nothing more and has no session left', async () => {
  await withService({}, async (service) => {
    await service.lineup.close()
    assert.deepEqual(states(service), [])
    await assert.rejects(answer(service), { code: 'not_ready' })
  })
})
