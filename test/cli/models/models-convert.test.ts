import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import * as ort from 'onnxruntime-node'
import { onnxruntimeEngine } from '../../../src/engines/onnxruntime/engine.ts'
import { runCommand } from '../../support/run-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { exportsFolder, loadRequest, somePixels } from '../../support/tensorflow.ts'

const folderOf = (model: string) => join(exportsFolder, model, '1')
const convert = (...args: readonly string[]) => runCommand(['models', 'convert', ...args])
const [images, side, classes] = [3, 8, 10]
const pixels = somePixels(images * side * side * 3)

/** What the written file answers in ONNX Runtime by itself. */
async function scoresOf(file: string): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file)
  const tensor = new ort.Tensor('uint8', pixels, [images, side, side, 3])
  const { scores } = await session.run({ pixels: tensor })
  await session.release()
  return scores?.data as Float32Array
}

test('the file runs in ONNX Runtime by itself, as the engine runs the model', async (t) => {
  const file = join(await tempFolder(t), 'small.onnx')
  const { code, stdout, stderr } = await convert(folderOf('uint8'), '--to', 'onnx', '--file', file)
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /small\.onnx: \d+ bytes, \d+ nodes, 0 transposes beside the input's\n$/)
  const model = await onnxruntimeEngine.load(loadRequest('uint8'))
  t.after(() => model.close())
  const scores = await scoresOf(file)
  assert.equal(scores.length, images * classes)
  assert.deepEqual(scores, await model.run(pixels, images))
})

test('--pixels says what a float input takes', async (t) => {
  const folder = await tempFolder(t)
  const write = async (form: string) => {
    const file = join(folder, `${form}.onnx`)
    const model = folderOf('float-unnamed-probabilities')
    const { code, stderr } = await convert(model, '--file', file, '--pixels', form)
    assert.deepEqual([code, stderr], [0, ''])
    return await scoresOf(file)
  }
  // The uint8 export is the same network with pixels / 255 in its graph.
  const file = join(folder, 'uint8.onnx')
  await convert(folderOf('uint8'), '--file', file)
  const expected = await scoresOf(file)
  const differenceOf = (found: Float32Array) =>
    Math.max(...found.map((value, at) => Math.abs(value - (expected[at] as number))))
  assert.ok(differenceOf(await write('0..1')) < 1e-6)
  assert.ok(differenceOf(await write('-1..1')) > 1e-3)
})

test('what cannot be converted is named, and no file is written', async (t) => {
  const file = join(await tempFolder(t), 'beta.onnx')
  const { code, stderr } = await convert(folderOf('incomplete-beta'), '--file', file)
  assert.equal(code, 1)
  assert.match(stderr, /^model incomplete-beta: node "Betainc" \(Betainc\) .*\n$/)
  await assert.rejects(ort.InferenceSession.create(file))
})

test('a format or a form of pixels that it does not know is a mistake of the user', async () => {
  const format = await convert(folderOf('uint8'), '--to', 'caffe')
  assert.deepEqual([format.code, /Allowed choices are onnx/.test(format.stderr)], [2, true])
  const form = await convert(folderOf('uint8'), '--pixels', 'bgr')
  assert.deepEqual([form.code, /imagenet, -1\.\.1, 0\.\.1, 0\.\.255/.test(form.stderr)], [2, true])
})
