import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../../support/run-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const build = ['models', 'build', 'resnet34', '--seed', '1', '--filters', '8', '--classes', '10']
const trial = ['tune', '--seconds', '1', '--clients', '4', '--delays', '0', '--model', 'small']

test('tune tries settings on the real service, writes the best one and draws them all', async (t) => {
  const repository = await tempFolder(t)
  await runCommand([...build, '--image-size', '32', '--as', 'small', '--output', repository])
  const [output, plot] = [join(repository, 'tuned.env'), join(repository, 'tuned.svg')]
  const environment = { MODEL_REPOSITORY: repository, ENGINE: 'onnxruntime', MODEL_SOURCE: 'none' }
  const result = await runCommand(
    [...trial, '--batches', 'auto,2', '--p99', '60000', '--output', output, '--plot', plot],
    environment,
  )
  assert.equal(result.code, 0, result.stderr)
  assert.match(result.stdout, /^> \w+ sessions x \w+ threads, batch (2|auto), delay 0 ms/m)
  assert.match(result.stdout, /^[>* ] auto sessions x auto threads, batch auto, delay 0 ms/m)
  assert.match(result.stdout, /^[>* ] 1 sessions x \d+ threads, batch 2, delay 0 ms/m)
  const text = await readFile(output, 'utf8')
  assert.match(text, /^# Found by resnet-serving tune: [\d.]+ images\/s, p99 \d+ ms$/m)
  for (const name of ['SESSIONS_PER_DEVICE', 'THREADS_PER_SESSION', 'MAX_BATCH_SIZE']) {
    assert.match(text, new RegExp(`^${name}=(\\d+|auto)$`, 'm'))
  }
  assert.match(text, /^MAX_QUEUE_DELAY_MS=0$/m)
  const drawing = await readFile(plot, 'utf8')
  const measured = result.stderr.match(/images\/s, p99/g)?.length ?? 0
  assert.ok(measured > 0)
  assert.equal(drawing.match(/<circle /g)?.length, measured)
  assert.equal(drawing.match(/fill="#d1495b"/g)?.length, 1)
})

test('what could not be tried or kept is refused before anything is measured', async (t) => {
  const nowhere = join(await tempFolder(t), 'absent', 'file')
  const cases: [readonly string[], number, RegExp][] = [
    [
      ['--batches', '1,two'],
      2,
      /'1,two' is invalid\. Expected auto or whole numbers from 1 to 256,/,
    ],
    [['--batches', '0'], 2, /'0' is invalid\. Expected auto or whole numbers from 1 to 256,/],
    [['--delays', '5,-1'], 2, /'5,-1' is invalid\. Expected a whole number from 0 to 10000\.\n/],
    [
      ['--output', nowhere],
      1,
      /^\S+absent\/file cannot be written: ENOENT.*; name another file\n$/,
    ],
    [['--plot', nowhere], 1, /^\S+absent\/file cannot be written: ENOENT/],
  ]
  for (const [args, code, message] of cases) {
    const result = await runCommand([...trial, ...args])
    assert.match(result.stderr, message)
    assert.equal(result.code, code)
    assert.doesNotMatch(result.stderr, /\d of \d/)
  }
})
