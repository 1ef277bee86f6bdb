import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type EnsureOptions, ensureModels } from '../../../src/cli/models/ensure-models.ts'
import { scanRepository } from '../../../src/repository/scan.ts'
import { closedPort, serveFile, whole } from '../../support/file-server.ts'
import { catalogueOf, publishedFile } from '../../support/published.ts'
import { tempFolder } from '../../support/temp-folder.ts'

/** By then a lock has been renewed, or found to be somebody else's. */
const renewedAfterMs = 6_000

async function ensureOf(
  t: TestContext,
  options: Pick<EnsureOptions, 'source'> & Partial<EnsureOptions>,
) {
  const repository = join(await tempFolder(t), 'models')
  const lines: string[] = []
  const ensure = async (): Promise<boolean> =>
    await ensureModels({ repository, say: (line) => lines.push(line), ...options })
  const kinds = async () =>
    (await scanRepository(repository)).versions.map(({ model, manifest }) => [
      model,
      manifest.weights.kind,
    ])
  return { repository, lines, ensure, kinds }
}

test('an empty repository is filled with both published networks', async (t) => {
  const files = { resnet34: publishedFile('resnet34'), resnet50: publishedFile('resnet50') }
  const server = await serveFile(t, whole(files.resnet34), whole(files.resnet50))
  const catalogue = catalogueOf(files)
  const { ensure, kinds, repository } = await ensureOf(t, { source: server.url, catalogue })
  assert.equal(await ensure(), true)
  assert.deepEqual(await kinds(), [
    ['resnet34', 'pretrained'],
    ['resnet50', 'pretrained'],
  ])
  assert.equal(await ensure(), false)
  assert.deepEqual((await readdir(repository)).sort(), ['.downloads', 'resnet34', 'resnet50'])
})

test('without a network both are built with random weights, and a line says why', async (t) => {
  const source = `http://127.0.0.1:${await closedPort()}`
  const { ensure, kinds, lines } = await ensureOf(t, { source })
  assert.equal(await ensure(), true)
  assert.deepEqual(await kinds(), [
    ['resnet34', 'random'],
    ['resnet50', 'random'],
  ])
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', /holds no model: downloading resnet34 and resnet50 from http/)
  assert.match(
    lines[1] ?? '',
    /^http.*resnet-34.* could not be downloaded: connect ECONNREFUSED [^:]+:\d+: resnet34 and resnet50 get RANDOM/,
  )
})

test('a repository with a model of anybody’s is left alone', async (t) => {
  const { ensure, repository, lines } = await ensureOf(t, { source: 'http://127.0.0.1:9' })
  await mkdir(join(repository, 'mine'), { recursive: true })
  assert.equal(await ensure(), false)
  assert.deepEqual([await readdir(repository), lines], [['mine'], []])
})

test('a start that was cut off between the two models builds the other one', async (t) => {
  const file = publishedFile('resnet34')
  const server = await serveFile(t, whole(file), (_, response) => response.destroy())
  const catalogue = catalogueOf({ resnet34: file, resnet50: file })
  const stopped = await ensureOf(t, {
    source: server.url,
    catalogue,
    say: (line) => {
      // As if the process ended here: after the first model, before the second.
      if (line.startsWith('resnet34: pretrained')) throw new Error('stopped')
    },
  })
  await assert.rejects(stopped.ensure(), /stopped/)
  assert.deepEqual(await stopped.kinds(), [['resnet34', 'pretrained']])
  const { repository } = stopped
  await ensureModels({ repository, source: 'none', say: () => {} })
  assert.deepEqual(await stopped.kinds(), [
    ['resnet34', 'pretrained'],
    ['resnet50', 'random'],
  ])
})

test('two that start together on one empty repository fill it once', async (t) => {
  const files = { resnet34: publishedFile('resnet34'), resnet50: publishedFile('resnet50') }
  // Of each file one is served: a second request finds nothing.
  const server = await serveFile(t, whole(files.resnet34), whole(files.resnet50))
  const catalogue = catalogueOf(files)
  const { repository, ensure, kinds, lines } = await ensureOf(t, { source: server.url, catalogue })
  const filled = await Promise.all([ensure(), ensure(), ensure()])
  assert.deepEqual(filled.toSorted(), [false, false, true])
  assert.deepEqual(await kinds(), [
    ['resnet34', 'pretrained'],
    ['resnet50', 'pretrained'],
  ])
  assert.equal(lines.filter((line) => /filled by another start: waiting/.test(line)).length, 2)
  assert.deepEqual((await readdir(repository)).sort(), ['.downloads', 'resnet34', 'resnet50'])
})

const skip = process.platform === 'linux' ? false : 'needs /proc'
test('an empty repository that cannot be written: what to do', { skip }, async () => {
  // No file system lets anybody make a folder there, root included.
  const ensure = ensureModels({ repository: '/proc/self/fdinfo', source: 'none', say: () => {} })
  await assert.rejects(ensure, {
    name: 'ModelError',
    message:
      /fdinfo holds no model and cannot be written \(E\w+: .*\): put a model into it, or name/,
  })
})

test('one that was taken for dead by a neighbour has filled the repository all the same', async (t) => {
  const files = { resnet34: publishedFile('resnet34'), resnet50: publishedFile('resnet50') }
  let repository = ''
  // As a start finds its lock that was stopped, with its machine, for longer than others wait.
  const takeOver = async () => {
    await rm(join(repository, '.filling.lock'), { recursive: true })
    await setTimeout(renewedAfterMs)
  }
  const server = await serveFile(t, whole(files.resnet34), (request, response) => {
    void takeOver().then(() => whole(files.resnet50)(request, response))
  })
  const catalogue = catalogueOf(files)
  const ensured = await ensureOf(t, { source: server.url, catalogue })
  repository = ensured.repository
  assert.equal(await ensured.ensure(), true)
})

const noMounts =
  spawnSync('unshare', ['--mount', 'true']).status === 0
    ? false
    : 'needs the right to mount (run as root)'

test('a disk that is full is told with its folder and with what the models take', {
  skip: noMounts,
}, async (t) => {
  const folder = await tempFolder(t)
  const program = fileURLToPath(new URL('../../../src/cli/bin.cjs', import.meta.url))
  const script = `mount -t tmpfs -o size=8m none "$1" && exec "$0" "$2" models ensure --output "$1"`
  const line = ['bash', '-c', script, process.execPath, folder, program]
  const { status, stderr } = spawnSync('unshare', ['--mount', ...line], {
    encoding: 'utf8',
    env: { ...process.env, MODEL_SOURCE: 'none' },
  })
  assert.equal(status, 1)
  const told = stderr.trimEnd().split('\n').at(-1) ?? ''
  assert.ok(told.startsWith(`model repository ${folder}: its disk is full (ENOSPC; `), stderr)
  assert.match(told, /; \d MB are free\); each network takes up to 300 MB: make room, or name/)
})
