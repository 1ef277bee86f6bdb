import assert from 'node:assert/strict'
import test from 'node:test'
import { runCommand } from '../../support/run-command.ts'
import { tempFolder } from '../../support/temp-folder.ts'

const files = {
  'alpha/1/saved_model.pb': 'x'.repeat(1_500_000),
  'alpha/1/variables/variables.index': 'x'.repeat(500_000),
  'alpha/3/saved_model.pb': '',
  'alpha/model.json': '{"weights": {"kind": "random", "source": "seed 1"}}',
  'beta/1/saved_model.pb': '',
}

test('the models stand in a table, with versions, weights and size', async (t) => {
  const { stdout, code } = await runCommand([
    'models',
    'list',
    '--output',
    await tempFolder(t, files),
  ])
  assert.equal(code, 0)
  assert.deepEqual(stdout.split('\n'), [
    'MODEL  VERSIONS  WEIGHTS          SIZE',
    'alpha  3, 1      random (seed 1)  2.0 MB',
    'beta   1         custom           0.0 MB',
    '',
  ])
})

test('--json prints the same for programs', async (t) => {
  const args = ['models', 'list', '--json', '--output', await tempFolder(t, files)]
  const { stdout } = await runCommand(args)
  assert.deepEqual(JSON.parse(stdout), [
    {
      model: 'alpha',
      versions: [3, 1],
      weights: { kind: 'random', source: 'seed 1' },
      sizeBytes: 2e6,
    },
    { model: 'beta', versions: [1], weights: { kind: 'custom' }, sizeBytes: 0 },
  ])
})

test('an empty repository is an empty table, and what is broken is told', async (t) => {
  const repository = await tempFolder(t, { 'broken/1/note.txt': '' })
  const { stdout, stderr } = await runCommand(['models', 'list', '--output', repository])
  assert.equal(stdout, 'MODEL  VERSIONS  WEIGHTS  SIZE\n')
  assert.match(stderr, /broken\/1 holds no saved_model\.pb/)
})

test('a repository that is not there is one line', async () => {
  const { code, stderr } = await runCommand(['models', 'list', '--output', '/nowhere/models'])
  assert.equal(code, 1)
  assert.match(stderr, /^model repository \/nowhere\/models: ENOENT.*\n$/)
})
