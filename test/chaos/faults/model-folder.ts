// The files of a served model are removed, replaced by garbage, or a new version is met half-copied.
import assert from 'node:assert/strict'
import { cp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoad } from '../../support/checked-load.ts'
import { type ServedProcess, startServed } from '../../support/served-process.ts'
import type { Fault } from '../support/fault.ts'
import { assertNothingLost, hurt, sightingOf } from '../support/hurt.ts'

const pollMs = 100
/** Long enough for several looks at the repository, and for a load to fail. */
const severalLooksMs = 1_000

/** Less than any file of a model has. */
const halfBytes = 1000

const hup = (server: ServedProcess) => async () => {
  server.process.kill('SIGHUP')
  await sleep(severalLooksMs)
}

async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const paths = names.map((name) => join(folder, name))
  const isFile = await Promise.all(paths.map(async (path) => (await stat(path)).isFile()))
  return paths.filter((_, index) => isFile[index])
}

/** Every file of the model, its cache included, becomes noise of the same length. */
async function garble(folder: string): Promise<void> {
  for (const file of await filesBelow(folder)) {
    await writeFile(
      file,
      (await readFile(file)).map((byte, index) => byte ^ (index * 31 + 7)),
    )
  }
}

const replacedByGarbage: Fault = {
  name: 'the files of a served model become garbage, then a session dies; then they are put back',
  async run({ repository, folder, images }) {
    const server = await startServed({ repository, environment: { MODEL_POLL_MS: String(pollMs) } })
    const model = join(repository, 'small')
    await cp(model, join(folder, 'kept'), { recursive: true })
    const inject = async () => {
      await garble(model)
      const [victim = 0] = await server.sessions()
      process.kill(victim, 'SIGKILL')
      await sleep(severalLooksMs)
      await cp(join(folder, 'kept'), model, { recursive: true, force: true })
    }
    // Its place cannot be filled while there is garbage; the other session does the work meanwhile.
    const seen = await hurt({ server, images, inject })
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    return sightingOf(seen)
  },
}

const repositoryGone: Fault = {
  name: 'the whole repository is moved away (SIGHUP and polling find nothing), and back',
  async run({ repository, images }) {
    const server = await startServed({ repository, environment: { MODEL_POLL_MS: String(pollMs) } })
    const inject = async () => {
      await rename(repository, `${repository}.away`)
      await hup(server)()
      await rename(`${repository}.away`, repository)
    }
    const seen = await hurt({ server, images, inject })
    assert.ok(
      server.log.some(({ msg = '' }) => msg.includes('model repository')),
      'nothing was logged',
    )
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    assert.deepEqual(seen.figure.refused, {})
    return sightingOf(seen)
  },
}

const oneModelRemoved: Fault = {
  name: 'one of two served models is removed under load',
  async run({ repository, images, otherImages }) {
    const server = await startServed({ repository })
    const { origin } = server
    const other = startLoad({ origin, model: 'other', images: otherImages, clients: 4 })
    await sleep(300)
    await rm(join(repository, 'other'), { recursive: true })
    const inject = async () => {
      server.process.kill('SIGHUP')
      await untilRows(server, (rows) => rows.every(({ model }) => model !== 'other'))
      await sleep(pollMs)
    }
    const seen = await hurt({ server, images, inject })
    const removed = await other.stop()
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    assert.deepEqual(removed.lost, [])
    assert.equal(removed.wrong, 0)
    assert.deepEqual(Object.keys(removed.refused), ['404 model_not_found'])
    return { ...sightingOf(seen), 'answers of the removed one': `${removed.ok} right, then 404` }
  },
}

const halfCopied: Fault = {
  name: 'version 2 appears half-copied while version 1 serves; the copy is finished later',
  async run({ repository, images }) {
    const server = await startServed({ repository, environment: { MODEL_POLL_MS: String(pollMs) } })
    const from = join(repository, 'small', '1')
    const to = join(repository, 'small', '2')
    const inject = async () => {
      await cp(from, to, { recursive: true, preserveTimestamps: true })
      for (const file of await filesBelow(to)) await truncate(file, halfBytes)
      await sleep(severalLooksMs)
      await untilVersion(server, '1') // what cannot be loaded replaces nothing
      await cp(from, to, { recursive: true, force: true, preserveTimestamps: true })
      await untilVersion(server, '2')
    }
    const seen = await hurt({ server, images, inject })
    assert.equal(await server.stop(), 0)
    assertNothingLost(seen)
    assert.deepEqual(seen.figure.refused, {})
    return sightingOf(seen)
  },
}

async function untilVersion(server: ServedProcess, version: string): Promise<void> {
  await untilRows(server, (rows) =>
    rows.some((row) => row.model === 'small' && row.served && row.version === version),
  )
}

async function untilRows(
  server: ServedProcess,
  areRight: (rows: readonly ServedRow[]) => boolean,
): Promise<void> {
  for (;;) {
    const answer = await fetch(`${server.origin}/v1/models`)
    if (areRight(((await answer.json()) as { models: readonly ServedRow[] }).models)) return
    await sleep(pollMs)
  }
}

interface ServedRow {
  readonly model: string
  readonly version: string
  readonly served: boolean
}

export const modelFolder: readonly Fault[] = [
  replacedByGarbage,
  repositoryGone,
  oneModelRemoved,
  halfCopied,
]
