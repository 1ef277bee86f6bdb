// Variables are constants here: a model whose graph changes what it reads must be refused in words.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { StatefulModelError } from '../../src/errors.ts'
import { float32Tensor } from '../../src/graph/tensor.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { writeCheckpoint } from '../support/checkpoint-writer.ts'
import {
  call,
  type Differences,
  type NodeInit,
  node,
  texts,
  unary,
  writeModel,
} from '../support/model-messages.ts'
import { tempFolder } from '../support/temp-folder.ts'

const float32 = { kind: 'type', value: 'float32' } as const

/** Two variables, v and w, that are restored from the checkpoint. */
const variables: readonly NodeInit[] = [
  ...['v', 'w'].flatMap((name) => [
    node(name, 'VarHandleOp', [], {
      dtype: float32,
      shared_name: { kind: 'string', value: name },
    }),
    node(`${name}/key`, 'Const', [], texts(name)),
    node(`${name}/restored`, 'RestoreV2', ['x', `${name}/key`, 'slices']),
    node(`${name}/restore`, 'AssignVariableOp', [name, `${name}/restored`]),
  ]),
  node('slices', 'Const', [], texts('')),
  node('restore_all', 'NoOp', ['^v/restore', '^w/restore']),
]

/** x + v, where v is read after all of `before`. */
const sum = (...before: string[]): readonly NodeInit[] => [
  node('read', 'ReadVariableOp', ['v', ...before.map((name) => `^${name}`)], { dtype: float32 }),
  node('y', 'AddV2', ['x', 'read']),
]

async function read(t: TestContext, nodes: readonly NodeInit[], rest: Differences = {}) {
  const folder = await tempFolder(t)
  await writeModel(folder, [...variables, ...nodes], { restoreOpName: 'restore_all', ...rest })
  const ones = float32Tensor([2], Float32Array.of(1, 1))
  await writeCheckpoint(folder, { v: ones, w: ones })
  return readSavedModel(folder)
}

const change = (name: string, ...more: string[]) =>
  node(`change_${name}`, 'AssignAddVariableOp', [name, 'x', ...more])

test('a variable that is read after an assignment to it is refused, naming both nodes', async (t) => {
  const expected =
    /node read \(ReadVariableOp\) reads a variable after node change_v \(AssignAddVariableOp\) has changed it/
  await assert.rejects(read(t, [change('v'), ...sum('change_v')]), expected)
  // By its kind engines know that no other reader of checkpoints gets it right.
  await assert.rejects(read(t, [change('v'), ...sum('change_v')]), StatefulModelError)
  const later = [change('v'), node('later', 'NoOp', ['^change_v']), ...sum('later')]
  await assert.rejects(read(t, later), expected)
})

test('what a called function assigns is known to who waits for the call', async (t) => {
  const assign = node('assign', 'AssignVariableOp', ['x', 'x'])
  const functions = [unary('changes', [assign], 'x')]
  const nodes = [call('change', ['v'], 'changes'), ...sum('change')]
  await assert.rejects(read(t, nodes, { functions }), /after node assign \(AssignVariableOp\) in/)
})

test('a function reads late if its call waits for an assignment', async (t) => {
  const inner = node('read', 'ReadVariableOp', ['x'], { dtype: float32 })
  const functions = [unary('reads', [inner], 'read:value:0')]
  const late = (...input: string[]) => [
    change('v'),
    call('late', ['v', ...input], 'reads'),
    node('y', 'AddV2', ['x', 'late']),
  ]
  await assert.rejects(read(t, late('^change_v'), { functions }), /\(ReadVariableOp\) in function/)
  assert.ok(await read(t, late(), { functions }))
})

test('assignments to other variables, and those that nobody waits for, change nothing', async (t) => {
  assert.ok(await read(t, [change('w'), ...sum('change_w')]))
  assert.ok(await read(t, [change('v', '^read'), ...sum()]))
})

test('a variable that is changed when the model is loaded is refused', async (t) => {
  const expected =
    /node change_v \(AssignAddVariableOp\) changes variable v when the model is loaded/
  const nodes = [change('v'), node('main', 'NoOp', ['^change_v']), ...sum()]
  await assert.rejects(read(t, nodes, { mainOpName: 'main' }), expected)
  await assert.rejects(read(t, nodes, { initOpName: 'main' }), expected)
  assert.ok(await read(t, nodes))
})

test('an operation at load that restores, or changes what no answer needs, is none of that', async (t) => {
  const nodes = [change('w'), node('main', 'NoOp', ['^change_w', '^v/restore']), ...sum()]
  assert.ok(await read(t, nodes, { mainOpName: 'main' }))
})
