import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { onnxruntimeEngine } from '../../../src/engines/onnxruntime/engine.ts'
import { runCommand } from '../../support/run-command.ts'
import { fixture } from '../../support/saved-models.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import {
  exportsFolder,
  goldenFolder,
  loadRequest,
  somePixels,
  withoutEngine,
  withoutGolden,
} from '../../support/tensorflow.ts'

const folderOf = (model: string) => join(exportsFolder, model, '1')
const verify = (...args: readonly string[]) => runCommand(['models', 'verify', ...args])
/** One engine is quick to load, and the rule is the same. */
const alone = ['--engines', 'onnxruntime']
const images = 4

/** A folder with the answers of `model`, a uint8 export, to four images. */
async function writeReference(t: TestContext, model: string, output: string): Promise<string> {
  const pixels = somePixels(images * 8 * 8 * 3)
  const loaded = await onnxruntimeEngine.load(loadRequest(model, { output }))
  const scores = await loaded.run(pixels, images)
  await loaded.close()
  const answers = new Uint8Array(scores.buffer, scores.byteOffset, scores.byteLength)
  return await tempFolder(t, { 'input.u8': pixels, [`reference.${output}.f32`]: answers })
}

test('each engine that is there runs it, and the others are said to be absent', async () => {
  const { code, stdout, stderr } = await verify(folderOf('uint8'))
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /^files .*constants in saved_model\.pb, which has no checksums$/m)
  for (const engine of ['onnxruntime', 'tensorflow', 'openvino']) {
    assert.match(stdout, new RegExp(`^${engine} +(\\d+\\.\\d+.*"probabilities"|not run: )`, 'm'))
  }
})

test('engines are compared with each other', { skip: withoutEngine }, async () => {
  const { code, stdout } = await verify(
    folderOf('keras3-saved'),
    '--engines',
    'onnxruntime',
    'tensorflow',
  )
  assert.equal(code, 0)
  assert.match(stdout, /^files +\d+ tensors, \d+ bytes: every checksum holds$/m)
  assert.match(stdout, /^tensorflow against onnxruntime: largest difference .* \d\.\de-\d+$/m)
})

test('answers equal to those of a reference folder pass', async (t) => {
  const reference = await writeReference(t, 'uint8', 'probabilities')
  const { code, stdout } = await verify(folderOf('uint8'), '--reference', reference, ...alone)
  assert.equal(code, 0)
  assert.match(stdout, /^onnxruntime against the reference: .* 0\.0e\+0$/m)
})

test('answers that differ from the reference fail, with how far', async (t) => {
  const reference = await writeReference(t, 'uint8', 'probabilities')
  const file = join(reference, 'reference.probabilities.f32')
  const scores = new Float32Array(Uint8Array.from(await readFile(file)).buffer)
  scores[7] = (scores[7] as number) + 0.002
  await writeFile(file, scores)
  const { code, stdout, stderr } = await verify(
    folderOf('uint8'),
    '--reference',
    reference,
    ...alone,
  )
  assert.equal(code, 1)
  assert.match(stdout, /^onnxruntime against the reference: .* 2\.0e-3$/m)
  assert.equal(stderr, 'the answers differ by more than 0.0001\n')
})

test('a float model without a manifest: it says what it assumed, and --pixels says it', async (t) => {
  // The same network with pixels / 255 in its graph gives the reference.
  const reference = await writeReference(t, 'uint8', 'probabilities')
  const args = [folderOf('float-unnamed-probabilities'), '--reference', reference, ...alone]
  const assumed = await verify(...args)
  assert.equal(assumed.code, 1)
  assert.match(assumed.stderr, /no model\.json says what its float input takes.*try --pixels/)
  assert.equal(assumed.stderr.trim().split('\n').length, 1)
  const said = await verify(...args, '--pixels', '0..1')
  assert.deepEqual([said.code, said.stderr], [0, ''])
})

test('the golden MobileNet, which has no manifest, agrees with TensorFlow for -1..1', {
  skip: withoutGolden,
}, async () => {
  const folder = join(goldenFolder, 'mobilenetv2-035-96')
  const { code, stdout } = await verify(
    folder,
    '--reference',
    folder,
    '--pixels',
    '-1..1',
    ...alone,
  )
  assert.equal(code, 0, stdout)
  assert.match(stdout, /^onnxruntime against the reference/m)
})

test('a weight that is damaged is found by its checksum', async (t) => {
  const folder = join(await tempFolder(t), 'damaged/1')
  await cp(fixture('functions'), folder, { recursive: true })
  const file = join(folder, 'variables/variables.data-00000-of-00001')
  const bytes = await readFile(file)
  bytes[100] = (bytes[100] as number) ^ 1
  await writeFile(file, bytes)
  const { code, stderr } = await verify(folder, ...alone)
  assert.equal(code, 1)
  assert.match(stderr, /checksum/)
})

test('a reference folder without answers says what it has', async (t) => {
  const reference = await tempFolder(t, { 'input.u8': somePixels(images * 8 * 8 * 3) })
  const { code, stderr } = await verify(folderOf('uint8'), '--reference', reference, ...alone)
  assert.equal(code, 1)
  assert.match(stderr, /has no reference\.probabilities\.f32; it has no reference/)
})
