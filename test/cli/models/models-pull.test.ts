import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildModel } from '../../../src/cli/models/build-model.ts'
import { lockFilling } from '../../../src/cli/models/fill-lock.ts'
import { type Pull, pullModel } from '../../../src/cli/models/pull-model.ts'
import { createLines } from '../../../src/cli/progress.ts'
import { scanRepository } from '../../../src/repository/scan.ts'
import { describeNetwork } from '../../../src/resnet/network.ts'
import { seededCheckpoint } from '../../../src/resnet/seeded-checkpoint.ts'
import { closedPort, serveFile, whole } from '../../support/file-server.ts'
import { catalogueOf, publishedFile } from '../../support/published.ts'
import { runCommand } from '../../support/run-command.ts'
import { smallSpec } from '../../support/small-network.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const file = publishedFile('resnet34')
const program = fileURLToPath(new URL('../../../src/cli/bin.cjs', import.meta.url))
const catalogue = catalogueOf({ resnet34: file, resnet50: file })

async function pullOf(t: TestContext, changes: Partial<Pull> = {}) {
  const server = await serveFile(t, whole(file))
  const repository = await tempFolder(t)
  const lines: string[] = []
  const pull = async (): Promise<string> =>
    await pullModel({
      network: 'resnet34',
      repository,
      source: `${server.url}/mirror`,
      replace: false,
      progress: createLines('resnet34', (line) => lines.push(line)),
      catalogue,
      ...changes,
    })
  return { server, repository, lines, pull }
}

async function buildHeld(repository: string, kind: 'random' | 'custom'): Promise<void> {
  const spec = smallSpec('resnet34')
  await buildModel({
    repository,
    name: 'resnet34',
    version: null,
    replace: false,
    spec,
    checkpoint: seededCheckpoint(describeNetwork(spec), 1),
    weights: { kind },
    interpolation: 'bilinear',
    labels: null,
  })
}

test('pulled weights become a model that says where they came from', async (t) => {
  const { server, repository, lines, pull } = await pullOf(t)
  assert.match(await pull(), /^resnet34: pretrained weights, /)
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/mirror/someone/resnet34/model.safetensors'],
  )
  const { versions, problems } = await scanRepository(repository)
  assert.deepEqual(problems, [])
  const { manifest, version, labels } = versions[0] ?? {}
  assert.deepEqual([versions.length, version, labels], [1, 1, null])
  assert.deepEqual(manifest?.weights, {
    kind: 'pretrained',
    source: 'https://huggingface.co/someone/resnet34/model.safetensors',
    sha256: catalogue.resnet34.sha256,
    licence: 'apache-2.0',
  })
  const { resizeShortSide, cropSize, interpolation } = manifest?.preprocess ?? {}
  assert.deepEqual([resizeShortSide, cropSize, interpolation], [256, 224, 'bicubic'])
  assert.match(lines[0] ?? '', /^resnet34: 0\.0 of \d\.\d MB$/)
  assert.deepEqual(await readdir(join(repository, '.downloads')), [])
})

test('weights that are there are not downloaded again', async (t) => {
  const { server, pull } = await pullOf(t)
  await pull()
  assert.match(await pull(), /these weights are in .*resnet34 already/)
  assert.equal(server.requests.length, 1)
})

test('pulled weights take the place of random ones, as a new version', async (t) => {
  const { repository, pull } = await pullOf(t)
  await buildHeld(repository, 'random')
  await pull()
  const { versions } = await scanRepository(repository)
  assert.deepEqual(
    versions.map(({ version, manifest }) => [version, manifest.weights.kind]),
    [[2, 'pretrained']],
  )
})

test('weights of one’s own are kept unless they are to be replaced', async (t) => {
  const { repository, pull } = await pullOf(t)
  await buildHeld(repository, 'custom')
  await assert.rejects(pull(), { name: 'UsageError', message: /holds custom weights/ })
  const { versions } = await scanRepository(repository)
  assert.deepEqual(
    versions.map(({ manifest }) => manifest.weights.kind),
    ['custom'],
  )
  const replacing = await pullOf(t, { repository, replace: true })
  await replacing.pull()
  const after = await scanRepository(repository)
  assert.deepEqual(
    after.versions.map(({ manifest }) => manifest.weights.kind),
    ['pretrained'],
  )
})

test('a file that was downloaded before the build was cut off is not fetched again', async (t) => {
  const { server, repository, pull } = await pullOf(t)
  await mkdir(join(repository, '.downloads'))
  await writeFile(join(repository, `.downloads/${catalogue.resnet34.sha256}.safetensors`), file)
  await pull()
  assert.equal(server.requests.length, 0)
})

test('a server with another file leaves no model behind, and one line', async (t) => {
  const server = await serveFile(t, whole(Buffer.from('<html>log in to the network</html>')))
  const repository = await tempFolder(t)
  const args = ['models', 'pull', 'resnet34', '--output', repository, '--source', server.url]
  const { code, stdout, stderr } = await runCommand(args)
  assert.deepEqual([code, stdout], [1, ''])
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  assert.match(
    last,
    /microsoft\/resnet-34\/resolve\/main\/model\.safetensors is not the file expected/,
  )
  assert.match(last, /expected 1096166c7cf216a7320a6b67b754b1776b99205a44d070c6cb52429af2d136bb/)
  const { versions } = await scanRepository(repository)
  assert.deepEqual(versions, [])
})

test('a source that cannot be reached is one line and exit code 1', async (t) => {
  const repository = await tempFolder(t)
  const source = `http://127.0.0.1:${await closedPort()}`
  const args = ['models', 'pull', '--output', repository]
  const { code, stderr } = await runCommand(args, { MODEL_SOURCE: source })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^http:\/\/127.*model\.safetensors could not be downloaded: connect ECONNREFUSED.*\n$/,
  )
})

test('one that finds another at work waits for it', async (t) => {
  const repository = await tempFolder(t)
  const unlock = await lockFilling(repository, () => {})
  const args = ['models', 'pull', 'resnet34', '--output', repository]
  const child = spawn(process.execPath, [program, ...args, '--source', 'http://127.0.0.1:9'])
  let told = ''
  for await (const text of child.stderr.setEncoding('utf8')) {
    told += text
    if (/already: waiting for that\n/.test(told)) await unlock()
  }
  assert.match(told, /^models are being put into .*\n.*could not be downloaded.*\n$/)
})

test('a source that is no address is refused', async (t) => {
  const repository = await tempFolder(t)
  const args = ['models', 'pull', '--output', repository, '--source', 'ftp://somewhere']
  const { code, stderr } = await runCommand(args)
  assert.deepEqual(
    [code, stderr],
    [2, 'source is "ftp://somewhere"; expected an http or https address\n'],
  )
})
