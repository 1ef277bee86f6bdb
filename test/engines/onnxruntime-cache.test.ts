// The cache of converted models: taken when it fits, made again when it does not, never in the way.
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { readEntry, writeEntry } from '../../src/engines/onnxruntime/conversion-cache.ts'
import {
  convertedModel,
  inputStageOf,
  readServed,
} from '../../src/engines/onnxruntime/converted-model.ts'
import { onnxruntimeEngine } from '../../src/engines/onnxruntime/engine.ts'
import { type Conversion, convertGraph } from '../../src/onnx/convert.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { createGraphBuilder, ints, text } from '../support/graph-builder.ts'
import { runScript } from '../support/run-script.ts'
import { sessionRequest } from '../support/session-request.ts'
import { tempFolder } from '../support/temp-folder.ts'

const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 31) % 256)

test('a second load takes the converted graph from the cache', async (t) => {
  const { request, cacheFolder } = await model(t)
  const first = await scores(request)
  const [entry] = await readdir(cacheFolder)
  const written = await stat(join(cacheFolder, entry as string, 'model.onnx'))
  assert.deepEqual(await scores(request), first)
  const kept = await stat(join(cacheFolder, entry as string, 'model.onnx'))
  assert.deepEqual([kept.ino, kept.mtimeMs], [written.ino, written.mtimeMs])
  assert.deepEqual(await readdir(cacheFolder), [entry])
})

test('every file of an entry that is torn, altered or missing is made again', async (t) => {
  const { request, cacheFolder } = await model(t)
  const first = await scores(request)
  const [entry] = await readdir(cacheFolder)
  for (const name of ['model.onnx', 'weights.bin', 'entry.json']) {
    const path = join(cacheFolder, entry as string, name)
    const whole = await readFile(path)
    const altered = Uint8Array.from(whole)
    altered[altered.length >> 1] = (altered[altered.length >> 1] as number) ^ 1
    for (const damaged of [whole.subarray(0, whole.length >> 1), altered, new Uint8Array()]) {
      await writeFile(path, damaged)
      assert.deepEqual(await scores(request), first)
      assert.deepEqual(
        await readFile(join(cacheFolder, entry as string, 'weights.bin')).then((b) => b.length > 0),
        true,
      )
    }
    assert.deepEqual((await readFile(path)).length, whole.length)
  }
})

test('a model that changed is not served from the cache of its former self', async (t) => {
  const { request } = await model(t)
  const before = await scores(request)
  await writeSavedModel(request.folder, network(2))
  assert.notDeepEqual(await scores(request), before)
})

test('another normalisation is another entry', async (t) => {
  const { request, cacheFolder } = await model(t)
  const before = await scores(request)
  const normalization = { rescale: 0.5, mean: [1, 1, 1], std: [2, 2, 2] } as const
  assert.notDeepEqual(await scores({ ...request, normalization }), before)
  assert.equal((await readdir(cacheFolder)).length, 2)
})

test('sessions that start together do not disturb each other', async (t) => {
  const { request, cacheFolder } = await model(t)
  const all = await Promise.all([1, 2, 3, 4].map(() => scores(request)))
  for (const one of all) assert.deepEqual(one, all[0])
  assert.equal((await readdir(cacheFolder)).length, 1)
})

test('what another service opens is not taken away while this one writes the same', async (t) => {
  const { request, cacheFolder } = await model(t)
  const { model: name, output, normalization } = request
  const inputStage = inputStageOf(normalization)
  const conversion = convertGraph(await readServed(request), { model: name, output, inputStage })
  const { source } = await writeEntry(cacheFolder, 'key', conversion)
  const weights = join(dirname(source as string), 'weights.bin')
  const before = await readFile(weights)
  let writing = true
  let looks = 0
  const writer = Promise.all([1, 2, 3].map(() => rewrite(cacheFolder, conversion))).finally(() => {
    writing = false
  })
  while (writing) {
    assert.deepEqual(await readFile(weights), before)
    looks += 1
  }
  await writer
  assert.ok(looks > 10, `${looks} looks`)
  assert.notEqual(await readEntry(cacheFolder, 'key'), null)
  assert.deepEqual(await readdir(cacheFolder), ['key'])
})

async function rewrite(cacheFolder: string, conversion: Conversion): Promise<void> {
  for (let times = 0; times < 50; times += 1) await writeEntry(cacheFolder, 'key', conversion)
}

test('a cache folder that cannot be written is no error', async (t) => {
  const { request, cacheFolder } = await model(t)
  const expected = await scores({ ...request, cacheFolder: null })
  // A file where the folder should be: refused for every user, root included.
  await writeFile(cacheFolder, '')
  assert.deepEqual(await scores(request), expected)
})

test('a disk that takes a part of a model and no more leaves no entry behind', async (t) => {
  // A limit of the size of files stands for the disk: both take what fits and tell how much that was.
  const { request, cacheFolder } = await model(t, network(1, 4_000))
  const script = `
    import { convertedModel } from './src/engines/onnxruntime/converted-model.js'
    const { source } = await convertedModel(${JSON.stringify(request)})
    console.log(typeof source)`
  assert.equal(
    await runScript(script, ['bash', '-c', 'ulimit -f 64; exec "$@"', 'bash']),
    'object\n',
  )
  assert.deepEqual(await readdir(cacheFolder), [])
  assert.equal((await scores(request)).length, 4_000)
})

test('files that are replaced while they are converted are not kept under the name of the old ones', async (t) => {
  const { request, cacheFolder } = await model(t)
  let reads = 0
  const replacing = {
    ...request,
    /** Read when the files have been hashed, before they are converted. */
    get model() {
      reads += 1
      if (reads === 2) cpSync(`${request.folder}.new`, request.folder, { recursive: true })
      return request.model
    },
  }
  const before = await scores({ ...request, cacheFolder: null })
  await cp(request.folder, `${request.folder}.old`, { recursive: true })
  await writeSavedModel(`${request.folder}.new`, network(2))
  await convertedModel(replacing)
  assert.ok(reads >= 2)
  await cp(`${request.folder}.old`, request.folder, { recursive: true })
  assert.deepEqual(await scores(request), before)
  assert.equal((await readdir(cacheFolder)).length, 1)
})

test('what a killed conversion left behind is removed by a later one, after an hour', async (t) => {
  const { request, cacheFolder } = await model(t)
  const [fresh, old] = [join(cacheFolder, '.key.fresh'), join(cacheFolder, '.key.old')]
  for (const draft of [fresh, old]) await mkdir(draft, { recursive: true })
  const longAgo = Date.now() / 1000 - 2 * 3600
  await utimes(old, longAgo, longAgo)
  await scores(request)
  const names = await readdir(cacheFolder)
  assert.deepEqual(
    names.filter((name) => name.startsWith('.')),
    ['.key.fresh'],
  )
})

async function model(
  t: TestContext,
  graph = network(1),
): Promise<{ request: LoadRequest; cacheFolder: string }> {
  const root = await tempFolder(t)
  const folder = join(root, 'model/1')
  const cacheFolder = join(root, 'cache')
  await writeSavedModel(folder, graph)
  const normalization = { rescale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] } as const
  return { request: sessionRequest({ folder, cacheFolder, normalization }), cacheFolder }
}

/** A convolution with enough weights to lie in the weights file, and a dense layer. */
function network(factor: number, classes = 10) {
  const graph = createGraphBuilder([-1, 8, 8, 3])
  const attributes = { strides: ints(1, 2, 2, 1), padding: text('SAME') }
  const convolved = graph.node('Conv2D', [graph.image, graph.floats([3, 3, 3, 32])], attributes)
  const scaled = graph.node('Mul', [graph.node('Relu', [convolved]), graph.scalar(factor)])
  const pooled = graph.node('Mean', [scaled, graph.ints([1, 2])])
  return graph.build(graph.node('MatMul', [pooled, graph.floats([32, classes])]), [-1, classes])
}

async function scores(request: LoadRequest): Promise<number[]> {
  const loaded = await onnxruntimeEngine.load(request)
  const result = await loaded.run(pixels, 1)
  await loaded.close()
  return Array.from(result)
}
