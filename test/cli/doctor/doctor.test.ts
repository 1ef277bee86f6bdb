import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../chaos/support/ports.ts'
import { photograph } from '../../support/photographs.ts'
import { runCommand } from '../../support/run-command.ts'
import { type Served, serveModels } from '../../support/served.ts'
import { tempFolder } from '../../support/temp-folder.ts'

let served: Served

test.before(async () => {
  served = await serveModels()
})
test.after(() => served?.stop())

const examine = (environment: Record<string, string> = {}, ...args: string[]) =>
  runCommand(['doctor', ...args], {
    MODEL_REPOSITORY: served.repository,
    PORT: '0',
    ...environment,
  })

test('machine, engines, models and port are examined', async () => {
  const { code, stdout } = await examine()
  assert.equal(code, 0, stdout)
  assert.match(stdout, /ok {4}\d+ cores/)
  assert.match(stdout, /ok {4}onnxruntime \d+\.\d+\.\d+, on cpu/)
  assert.match(stdout, /(openvino|tensorflow)( \d|: )/)
  assert.match(stdout, /note {2}resnet34\/1: random weights, \d+ nodes, read whole/)
  assert.match(stdout, /\nNothing is in the way of `serve`\.\n$/)
})

test('a running server on the port is recognised', async () => {
  const { port } = new URL(served.origin)
  const { stdout } = await examine({ PORT: port })
  assert.match(stdout, new RegExp(`ok {4}a server at http://127.0.0.1:${port} is ready`))
})

test('a model that is damaged is found, whatever its size says', async (t) => {
  const folder = await tempFolder(t)
  const damaged = join(folder, 'twins')
  await cp(
    fileURLToPath(new URL('../../../../test/fixtures/saved-models/twins', import.meta.url)),
    damaged,
    {
      recursive: true,
    },
  )
  const file = join(damaged, '1/variables/variables.data-00000-of-00001')
  const bytes = await readFile(file)
  await writeFile(
    file,
    bytes.map((byte, index) => (index % 64 === 0 ? byte ^ 1 : byte)),
  )
  const { code, stdout } = await examine({ MODEL_REPOSITORY: folder }, '--json')
  assert.equal(code, 1)
  const [, , models] = JSON.parse(stdout) as { findings: { level: string; text: string }[] }[]
  assert.equal(models?.findings[0]?.level, 'no')
  assert.match(models?.findings[0]?.text ?? '', /checksum/)
})

test('settings with which serve would not start are found', async (t) => {
  const [port, other] = [new URL(served.origin).port, await freePort()]
  const file = join(await tempFolder(t, { models: '' }), 'models')
  const cases: [Record<string, string>, RegExp][] = [
    [
      { DEVICES: 'cpu,banana' },
      /no {4}DEVICES names banana, which no engine can use here\n +-> .*cpu/,
    ],
    [{ PRECISION: 'int8' }, /no {4}PRECISION is int8, and no version of resnet34 is quantised\n/],
    [{ PORT: String(other), METRICS_PORT: String(other) }, /no {4}METRICS_PORT is \d+, as PORT is/],
    [{ METRICS_PORT: port }, /no {4}port \d+ of 127\.0\.0\.1 is in use .* --metrics-port/],
    [{ MODEL_REPOSITORY: file }, /no {4}model repository \S+models: ENOTDIR/],
    [{ MODEL_REPOSITORY: join(file, 'deeper') }, /no {4}model repository \S+deeper: ENOTDIR/],
  ]
  for (const [environment, finding] of cases) {
    const { code, stdout } = await examine(environment)
    assert.match(stdout, finding)
    assert.equal(code, 1, stdout)
  }
})

test('an empty repository says how it is filled', async (t) => {
  const { code, stdout } = await examine({ MODEL_REPOSITORY: await tempFolder(t) })
  assert.equal(code, 0)
  assert.match(stdout, /note {2}none\n +-> `serve` fills it at its first start/)
})

test('where the only model cannot be read, doctor and classify say why, and of nothing else', async (t) => {
  const folder = await tempFolder(t, {
    'mine/model.json': '{ "labels": "names.txt" }',
    'mine/1/saved_model.pb': '',
    'a.jpg': (await photograph('')).buffer,
  })
  const { code, stdout } = await examine({ MODEL_REPOSITORY: folder })
  assert.equal(code, 1)
  assert.match(stdout, /no {4}mine\/model.json names labels names.txt, which is not there\n/)
  assert.doesNotMatch(stdout, /fills it/)
  const args = ['classify', join(folder, 'a.jpg')]
  const { stderr } = await runCommand(args, { MODEL_REPOSITORY: folder })
  assert.match(stderr, /: mine\/model.json names labels names.txt, which is not there\n$/)
})
