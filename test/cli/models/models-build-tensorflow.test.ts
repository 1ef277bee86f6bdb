// What `models build` writes, in the hands of others: TensorFlow, its command line, and OpenVINO.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { loadWithOpenvino, openvinoMissing } from '../../support/openvino.ts'
import { runCommand } from '../../support/run-command.ts'
import { runInTensorFlow, showSignature, withoutTensorFlow } from '../../support/saved-models.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { somePixels } from '../../support/tensorflow.ts'

const side = 64
const classes = 10
const images = 4
const tolerance = 1e-5
const small = ['--filters', '8', '--classes', String(classes), '--image-size', String(side)]

async function build(t: TestContext, network: string, variant: string): Promise<string> {
  const repository = await tempFolder(t)
  const args = ['--seed', '1', '--variant', variant, '--output', repository, ...small]
  const { code, stderr } = await runCommand(['models', 'build', network, ...args])
  assert.deepEqual([code, stderr], [0, ''])
  return join(repository, network, '1')
}

for (const [network, variant] of [
  ['resnet34', 'after-addition'],
  ['resnet50', 'before-addition'],
] as const) {
  test(`${network}, activations ${variant}: TensorFlow loads it in both ways and OpenVINO agrees`, {
    skip: withoutTensorFlow || openvinoMissing,
  }, async (t) => {
    const folder = await build(t, network, variant)
    const pixels = somePixels(images * side * side * 3)
    const file = join(folder, '../pixels.u8')
    await writeFile(file, pixels)
    const jobs = [
      { folder, pixels: file, session: true } as const,
      { folder, pixels: file },
    ] as const
    const [session, functions] = await runInTensorFlow(...jobs)
    assert.deepEqual(functions, session)
    const expected = session?.probabilities
    assert.deepEqual(expected?.shape, [images, classes])
    const model = await loadWithOpenvino(t, { folder, cacheFolder: null, maxBatchSize: images })
    const found = await model.run(pixels, images)
    assert.equal(found.length, images * classes)
    for (const [at, value] of found.entries()) {
      const wanted = expected?.values[at] ?? Number.NaN
      assert.ok(Math.abs(value - wanted) <= tolerance, `${value}, not ${wanted}`)
    }
  })
}

test('saved_model_cli shows images that become logits and probabilities', {
  skip: withoutTensorFlow,
}, async (t) => {
  const text = await showSignature(await build(t, 'resnet34', 'after-addition'))
  for (const line of [
    /inputs\['images'\] tensor_info:\s+dtype: DT_UINT8\s+shape: \(-1, 64, 64, 3\)/,
    /outputs\['logits'\] tensor_info:\s+dtype: DT_FLOAT\s+shape: \(-1, 10\)/,
    /outputs\['probabilities'\] tensor_info:\s+dtype: DT_FLOAT\s+shape: \(-1, 10\)/,
    /Method name is: tensorflow\/serving\/predict/,
  ]) {
    assert.match(text, line)
  }
})
