import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { installWheel } from '../../../src/cli/setup/install-wheel.ts'
import { downloadArguments } from '../../../src/cli/setup/pip-download.ts'
import type { Wheel } from '../../../src/cli/setup/pypi-wheel.ts'
import type { Select } from '../../../src/cli/setup/unpack-wheel.ts'
import { type PackageIndex, startPackageIndex } from '../../support/package-index.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { zip } from '../../support/zip.ts'

const filename = 'Made_Up-1.2.3-7-cp312-cp312-manylinux_2_28_x86_64.whl'
const library = Buffer.from('the bytes of a library'.repeat(1000))
const content = zip([
  { name: 'made_up/libs/libmade.so', content: library },
  { name: 'made_up/__init__.py', content: Buffer.from('import os') },
])
const takeLibraries: Select = (path) => (/\.so$/.test(path) ? 'libmade.so' : null)

function wheelOf(bytes: Uint8Array): Wheel {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { filename, sha256, sizeBytes: bytes.length }
}

interface Case {
  readonly index: PackageIndex
  readonly engines: string
  readonly wheel?: Wheel
  readonly select?: Select
  readonly wheelFile?: string
}

function install({ index, engines, wheel, select, wheelFile }: Case) {
  return installWheel(
    {
      engine: 'made-up',
      version: '1.2.3',
      wheel: wheel ?? wheelOf(content),
      select: select ?? takeLibraries,
    },
    {
      usePip: false,
      indexUrl: index.url,
      environment: { ENGINES_FOLDER: engines },
      ...(wheelFile === undefined ? {} : { wheelFile }),
    },
  )
}

/** What the engines folder holds afterwards, whatever went on in between. */
async function left(engines: string): Promise<string[]> {
  const paths = await readdir(engines, { recursive: true })
  return paths.filter((path) => path !== 'made-up').sort()
}

async function start(
  t: TestContext,
  options: Partial<Parameters<typeof startPackageIndex>[1]> = {},
) {
  const index = await startPackageIndex(t, { filename, content, ...options })
  return { index, engines: await tempFolder(t) }
}

test('the chosen files of a wheel are installed, with a manifest, and nothing else', async (t) => {
  const place = await start(t)
  const { folder, installed } = await install(place)
  assert.equal(installed, true)
  assert.deepEqual(await left(place.engines), [
    'made-up/1.2.3',
    'made-up/1.2.3/libmade.so',
    'made-up/1.2.3/manifest.json',
  ])
  assert.deepEqual(await readFile(join(folder, 'libmade.so')), library)
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'))
  assert.equal(manifest.version, '1.2.3')
  assert.deepEqual(manifest.files, [
    {
      path: 'libmade.so',
      sizeBytes: library.length,
      sha256: createHash('sha256').update(library).digest('hex'),
    },
  ])
})

test('the project is asked for by its normalised name', async (t) => {
  const place = await start(t)
  await install(place)
  assert.deepEqual(place.index.requests, ['/simple/made-up/', `/files/${filename}`])
})

test('what is installed and intact is not downloaded again; what is damaged is', async (t) => {
  const place = await start(t)
  const { folder } = await install(place)
  assert.equal((await install(place)).installed, false)
  assert.equal(place.index.requests.length, 2)
  await writeFile(join(folder, 'libmade.so'), 'shorter')
  assert.equal((await install(place)).installed, true)
  assert.deepEqual(await readFile(join(folder, 'libmade.so')), library)
})

test('a wheel with another hash is refused, and nothing is installed', async (t) => {
  const altered = Buffer.from(content)
  altered[100] = (altered[100] as number) ^ 1
  const place = await start(t, { content: altered })
  await assert.rejects(install(place), { name: 'UsageError', message: /SHA-256.*expected/ })
  assert.deepEqual(await left(place.engines), [])
})

test('a wheel that ends early is refused, and nothing is installed', async (t) => {
  const place = await start(t, {
    answerFile: (response, bytes) => {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 500), () => response.destroy())
    },
  })
  await assert.rejects(install(place), { name: 'UsageError', message: /could not get Made_Up/ })
  assert.deepEqual(await left(place.engines), [])
})

test('a wheel that is longer than published is refused before it is all here', async (t) => {
  const place = await start(t, { content: Buffer.concat([content, Buffer.alloc(10)]) })
  await assert.rejects(install({ ...place, wheel: wheelOf(content) }), {
    name: 'UsageError',
    message: /at most \d+ are expected/,
  })
})

test('a failed installation leaves the one before as it was', async (t) => {
  const place = await start(t)
  const { folder } = await install(place)
  const newer = wheelOf(Buffer.from('a wheel the index does not have'))
  await assert.rejects(install({ ...place, wheel: newer }))
  assert.deepEqual(await readFile(join(folder, 'libmade.so')), library)
  assert.equal((await left(place.engines)).length, 3)
})

test('an archive that names a path outside its folder is refused', async (t) => {
  const hostile = zip([{ name: '../../outside.so', content: library }])
  const place = await start(t, { content: hostile })
  await assert.rejects(install({ ...place, wheel: wheelOf(hostile), select: (path) => path }), {
    name: 'UsageError',
    message: /cannot be unpacked: invalid relative path/,
  })
  assert.deepEqual(await left(place.engines), [])
})

test('a selection that leads outside the folder is refused', async (t) => {
  const place = await start(t)
  for (const path of ['../outside.so', '/tmp/outside.so', '.']) {
    await assert.rejects(install({ ...place, select: () => path }), {
      name: 'UsageError',
      message: /would be written outside/,
    })
  }
})

test('an archive that names a file twice is refused', async (t) => {
  const entry = { name: 'made_up/libs/libmade.so', content: library }
  const twice = zip([entry, { ...entry, content: Buffer.from('other') }])
  const place = await start(t, { content: twice })
  await assert.rejects(install({ ...place, wheel: wheelOf(twice) }), { message: /EEXIST/ })
})

test('a file that is no archive is refused', async (t) => {
  const garbage = Buffer.alloc(5000, 7)
  const place = await start(t, { content: garbage })
  await assert.rejects(install({ ...place, wheel: wheelOf(garbage) }), {
    name: 'UsageError',
    message: /cannot be unpacked/,
  })
})

test('a wheel without the wanted files is refused', async (t) => {
  const place = await start(t)
  await assert.rejects(install({ ...place, select: () => null }), { message: /holds none/ })
})

test('an index that lacks the file, fails or speaks another format is told apart', async (t) => {
  const cases = [
    [{ filename: 'other.whl' }, /does not list it/],
    [{ answerPage: (r) => r.writeHead(503).end() }, /answered 503/],
    [{ answerPage: (r) => r.writeHead(200, { 'content-type': 'text/html' }).end() }, /text\/html/],
  ] satisfies [Partial<Parameters<typeof startPackageIndex>[1]>, RegExp][]
  for (const [options, message] of cases) {
    const place = await start(t, options)
    await assert.rejects(install(place), { name: 'UsageError', message })
  }
})

test('a wheel that was brought along is used if it is the published one', async (t) => {
  const place = await start(t)
  const folder = await tempFolder(t, { 'right.whl': content, 'wrong.whl': 'something else' })
  await assert.rejects(
    install({ ...place, wheelFile: join(folder, 'wrong.whl') }),
    /is not Made_Up/,
  )
  await assert.rejects(install({ ...place, wheelFile: join(folder, 'absent.whl') }), /cannot read/)
  await install({ ...place, wheelFile: join(folder, 'right.whl') })
  assert.deepEqual(place.index.requests, [])
})

test('an engines folder that cannot be written is named, with the way out', async (t) => {
  const place = await start(t)
  const folder = await tempFolder(t, { file: '' })
  await assert.rejects(install({ ...place, engines: join(folder, 'file') }), /Set ENGINES_FOLDER/)
})

test('pip is asked for exactly the file, whatever Python and system it runs on', () => {
  assert.deepEqual(downloadArguments(filename).slice(-5), [
    '--implementation=cp',
    '--python-version=312',
    '--abi=cp312',
    '--platform=manylinux_2_28_x86_64',
    'Made_Up==1.2.3',
  ])
})
