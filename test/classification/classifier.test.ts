// The use case without HTTP: decode, batch, probabilities, the best classes.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ClassifyRequest } from '../../src/classification/types.ts'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import { sharp } from '../../src/imaging/sharp.ts'
import { writeSavedModel } from '../../src/savedmodel/write-saved-model.ts'
import { createGraphBuilder } from '../support/graph-builder.ts'
import { faultyPicture, noise, noisePicture, picture } from '../support/pictures.ts'
import { type Service, startService } from '../support/service.ts'
import { sessionRequest } from '../support/session-request.ts'
import { until } from '../support/test-pool.ts'

let service: Service
before(async () => {
  service = await startService({
    models: [{ name: 'small' }, { name: 'other', versions: { 1: 2 } }],
    batching: { maxBatchSize: 1, maxQueueSize: 2 },
  })
})
after(() => service.close())

async function requestFor(
  image: Promise<Buffer>,
  changes: Partial<ClassifyRequest> = {},
): Promise<ClassifyRequest> {
  return {
    image: new Uint8Array(await image),
    targets: [{ model: undefined, version: undefined }],
    topK: 10,
    deadline: performance.now() + 60_000,
    signal: new AbortController().signal,
    ...changes,
  }
}

const classify = async (image: Promise<Buffer>, changes?: Partial<ClassifyRequest>) =>
  service.classifier.classify(await requestFor(image, changes))

test('the probabilities are those of the engine itself on the same pixels', async () => {
  const folder = join(service.folder, 'small', '1')
  const { model } = await loadWithPreferredEngine('onnxruntime', sessionRequest({ folder }))
  const expected = Float32Array.from(await model.run(noise(4), 1))
  await model.close()
  const [answer] = await classify(picture(4))
  for (const { index, probability } of answer?.predictions ?? []) {
    assert.ok(Math.abs(probability - (expected[index] ?? 2)) < 1e-5, `class ${index}`)
  }
})

test('every answer says how long its stages took and how many images shared its batch', async () => {
  const [answer] = await classify(picture(1))
  assert.ok(answer !== undefined)
  for (const ms of Object.values(answer.timing)) assert.ok(ms >= 0)
  assert.equal(answer.batchSize, 1)
})

test('only an image that nobody waits beside is decoded without a decoding thread', async () => {
  const photograph = (seed: number) => requestFor(noisePicture(seed, 64).jpeg().toBuffer())
  const stayed = ({ image }: ClassifyRequest) => image.length > 0 // a thread is given the bytes
  const alone = await photograph(1)
  await service.classifier.classify(alone)
  assert.ok(stayed(alone))
  const beside = await Promise.all([photograph(2), photograph(3)])
  await Promise.all(beside.map((request) => service.classifier.classify(request)))
  assert.deepEqual(beside.map(stayed), [false, false])
  const again = await photograph(4)
  await service.classifier.classify(again)
  assert.ok(stayed(again))
})

test('several models are asked on one decode', async () => {
  const before = await decodes()
  const targets = ['small', 'other'].map((model) => ({ model, version: undefined }))
  const answers = await classify(picture(2), { targets })
  assert.deepEqual(
    answers.map(({ model }) => model),
    ['small', 'other'],
  )
  assert.equal(await decodes(), before + 1)
})

async function decodes(): Promise<number> {
  const text = await service.metrics.render()
  return Number(/^image_format_total\{format="png"\} (\d+)/m.exec(text)?.[1] ?? 0)
}

test('when one of several models cannot answer, the request fails as a whole', async () => {
  const targets = ['small', 'nobody'].map((model) => ({ model, version: undefined }))
  await assert.rejects(classify(picture(2), { targets }), { code: 'model_not_found' })
})

test('a deadline that has passed is refused at the door', async () => {
  const late = classify(picture(1), { deadline: performance.now() - 1 })
  await assert.rejects(late, { code: 'deadline_exceeded' })
})

test('a full service refuses at the door, before anything is decoded', async () => {
  const slow = await Promise.all([1, 2, 3].map((seed) => requestFor(faultyPicture('slow', seed))))
  const running = slow.map((request) => service.classifier.classify(request))
  const admit = () =>
    service.classifier.admit([{ model: 'small', version: undefined }], performance.now() + 60_000)
  await until(() => depth(service) === 2)
  const before = await decodes()
  assert.throws(admit, { code: 'overloaded' })
  await assert.rejects(classify(picture(9)), { code: 'overloaded' })
  assert.equal(await decodes(), before)
  await Promise.all(running)
  admit()
})

const depth = ({ classifier }: Service) =>
  classifier.models().reduce((sum, { queueDepth }) => sum + queueDepth, 0)

test('an image in one batch with one that the engine cannot run is answered all the same', async () => {
  const other = await startService({ batching: { maxBatchSize: 4 } })
  const ask = async (image: Promise<Buffer>) => other.classifier.classify(await requestFor(image))
  try {
    const busy = ask(faultyPicture('slow'))
    await until(() => other.classifier.models().some(({ sessions }) => sessions.busy === 1))
    const together = [ask(faultyPicture('throw')), ask(picture(5))]
    const [bad, good] = await Promise.allSettled(together)
    assert.equal(bad?.status === 'rejected' && bad.reason.code, 'session_failed')
    assert.equal(good?.status, 'fulfilled')
    await busy
  } finally {
    await other.close()
  }
})

test('a tensor of another size than the model takes by now fails alone', async () => {
  const other = await startService({ batching: { maxBatchSize: 4 } })
  const ask = async (image: Promise<Buffer>) => other.classifier.classify(await requestFor(image))
  try {
    const busy = ask(faultyPicture('slow'))
    await until(() => other.classifier.models().some(({ sessions }) => sessions.busy === 1))
    const { deadline, signal } = await requestFor(picture(1))
    const target = { model: 'small', version: undefined }
    const input = { form: 'pixels', bytes: new Uint8Array(3 * 224 * 224) } as const
    const bad = other.classifier.score({ input, target, deadline, signal })
    const [wrong, good] = await Promise.allSettled([bad, ask(picture(5))])
    assert.equal(wrong?.status === 'rejected' && wrong.reason.code, 'not_ready')
    assert.equal(good?.status, 'fulfilled')
    await busy
  } finally {
    await other.close()
  }
})

test('scores that are no numbers are an error that names the model, and nobody else’s', async () => {
  const other = await startService()
  try {
    await writeSavedModel(join(other.folder, 'odd', '1'), brightOnly())
    await writeFile(
      join(other.folder, 'odd', 'model.json'),
      JSON.stringify({ preprocess: { resizeShortSide: 32, cropSize: 32, rescale: 1 / 255 } }),
    )
    await other.reload()
    const targets = [{ model: 'odd', version: undefined }]
    const ask = async (level: number) => {
      const pixels = new Uint8Array(32 * 32 * 3).fill(level)
      const image = sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } }).png()
      return other.classifier.classify(await requestFor(image.toBuffer(), { targets }))
    }
    const [dark, bright] = await Promise.allSettled([ask(10), ask(250)])
    assert.equal(bright?.status, 'fulfilled')
    assert.ok(dark?.status === 'rejected')
    assert.equal(dark.reason.code, 'internal')
    assert.match(
      dark.reason.message,
      /^odd 1 scored this image with what is no number .*preprocess/,
    )
  } finally {
    await other.close()
  }
})

/** Three logits: the logarithm of how much brighter than half each colour is. */
function brightOnly() {
  const graph = createGraphBuilder([-1, 32, 32, 3])
  const means = graph.node('Mean', [graph.image, graph.ints([1, 2])])
  const logits = graph.node('Log', [graph.node('Sub', [means, graph.scalar(0.5)])])
  return graph.build(graph.node('MatMul', [logits, graph.floats([3, 3])]), [-1, 3])
}

test('outcomes are counted by what came of the image', async () => {
  await classify(Promise.resolve(Buffer.from('no image'))).catch(() => {})
  const text = await service.metrics.render()
  assert.match(text, /^images_total\{model="small",version="1",outcome="ok"\} [1-9]/m)
  assert.match(text, /outcome="unsupported_image_format"\} 1$/m)
})
