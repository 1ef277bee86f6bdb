import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { runCommand } from '../../support/run-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'
import { exportsFolder } from '../../support/tensorflow.ts'

const folderOf = (model: string) => join(exportsFolder, model, '1')
const inspect = (...args: readonly string[]) => runCommand(['models', 'inspect', ...args])

test('a folder of a SavedModel: signatures, operators, and what the service does with it', async () => {
  const { code, stdout, stderr } = await inspect(folderOf('uint8'))
  assert.deepEqual([code, stderr], [0, ''])
  for (const line of [
    /^uint8 {2}\S+uint8\/1$/m,
    /^written by TensorFlow 2\.21\.0, \d+\.\d MB, \d+ parameters$/m,
    /^signature serving_default$/m,
    /^ {2}in {3}images {2}uint8 \[\?, 8, 8, 3\]$/m,
    /^ {2}out {2}probabilities {2}float32 \[\?, 10\]$/m,
    /^operators .*\bConv2D 1\b/m,
    /^served input {3}"images": crops of 8x8, .* any batch$/m,
    /^pixels {9}as they are, 0 to 255$/m,
    /^served output {2}"probabilities": 10 classes, probabilities$/m,
    /^as ONNX {8}\d+ nodes, 0 transposes beside the input's$/m,
  ]) {
    assert.match(stdout, line)
  }
})

test('a float input: the arithmetic on its pixels is spelled out', async () => {
  const { stdout } = await inspect(folderOf('float-unnamed-logits'))
  assert.match(stdout, /^pixels .*\(pixel \* 0\.0039.* - \[0\.485,0\.456,0\.406\]\) \/ \[0\.229/m)
  assert.match(stdout, /"output_0": 10 classes, probabilities or logits, found out when it runs/)
})

test('--json prints the same for programs', async () => {
  const { code, stdout } = await inspect(folderOf('batch-of-two'), '--json')
  assert.equal(code, 0)
  const facts = JSON.parse(stdout)
  assert.deepEqual(
    [facts.model, facts.serving.input.batch, facts.serving.output.classes],
    ['batch-of-two', 2, 10],
  )
  const { inputs } = facts.signatures[0]
  assert.deepEqual([inputs[0].name, inputs[0].shape], ['images', [2, 8, 8, 3]])
  assert.ok(facts.operators.some((one: { op: string }) => one.op === 'Conv2D'))
})

test('an operator outside the table is named, and the rest is shown', async () => {
  const text = await inspect(folderOf('text-input'))
  assert.equal(text.code, 0, text.stderr)
  assert.match(text.stdout, /in {3}image_bytes {2}string \[\?\]/)
  assert.match(
    text.stdout,
    /no engine can serve it: .* takes encoded images or tf\.Example records/,
  )
  const { code, stdout } = await inspect(folderOf('incomplete-beta'))
  assert.match(stdout, /other engines {2}the tensorflow engine .* takes any operator/)
  assert.equal(code, 0)
  assert.match(stdout, /^operators .*\bBetainc 1\b/m)
  assert.match(stdout, /^not converted .*model incomplete-beta: node "Betainc" \(Betainc\)/m)
})

test('what is damaged or not there is one line that says so', async (t) => {
  const damaged = await tempFolder(t, { 'broken/1/saved_model.pb': 'no protobuf' })
  const cases: [readonly string[], RegExp][] = [
    [[join(damaged, 'broken/1')], /saved_model\.pb/],
    [['absent', '--output', damaged], /absent is no folder with a SavedModel/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await inspect(...args)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  }
})
