// Conditionals whose condition the graph computes from constants alone.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { type NodeInit, node, unary, writeModel } from '../support/model-messages.ts'
import { tempFolder } from '../support/temp-folder.ts'

const int32 = { kind: 'type', value: 'int32' } as const
const float32 = { kind: 'type', value: 'float32' } as const

function scalar(name: string, value: number): NodeInit {
  const tensor = { dtype: 3, tensorShape: {}, intVal: [value] }
  return node(name, 'Const', [], { value: { value: { case: 'tensor', value: tensor } } })
}

/** The operators of a model that squares its input if `condition`, and negates it otherwise. */
async function operatorsOf(t: TestContext, condition: NodeInit[]): Promise<string[]> {
  const folder = await tempFolder(t)
  const branch = (name: string) => ({ value: { case: 'func' as const, value: { name } } })
  const branches = { then_branch: branch('yes'), else_branch: branch('no') }
  const nodes = [...condition, node('y', 'StatelessIf', ['condition', 'x'], branches)]
  const functions = [
    unary('yes', [node('a', 'Square', ['x'])], 'a:y:0'),
    unary('no', [node('a', 'Neg', ['x'])], 'a:y:0'),
  ]
  await writeModel(folder, nodes, { functions })
  const graph = await readSavedModel(folder)
  return graph.nodes.map(({ op }) => op)
}

/** Whether a count of quarter turns, which may be larger than four, is three. */
const threeTurns = (turns: number) => [
  scalar('turns', turns),
  scalar('four', 4),
  scalar('three', 3),
  node('rest', 'FloorMod', ['turns', 'four'], { T: int32 }),
  node('condition', 'Equal', ['rest', 'three'], { T: int32 }),
]

test('a branch that constants choose is read, the other is not', async (t) => {
  assert.deepEqual(await operatorsOf(t, threeTurns(7)), ['Placeholder', 'Square'])
  assert.deepEqual(await operatorsOf(t, threeTurns(-2)), ['Placeholder', 'Neg'])
})

test('floats are cut and compared as the graph would', async (t) => {
  const ofHalves = (whole: number) => [
    scalar('n', whole),
    scalar('two', 2),
    node('a', 'Cast', ['n'], { SrcT: int32, DstT: float32 }),
    node('b', 'Cast', ['two'], { SrcT: int32, DstT: float32 }),
    node('half', 'RealDiv', ['a', 'b'], { T: float32 }),
    node('cut', 'Cast', ['half'], { SrcT: float32, DstT: int32 }),
    scalar('minus_one', -1),
    node('condition', 'Less', ['cut', 'minus_one'], { T: int32 }),
  ]
  assert.deepEqual(await operatorsOf(t, ofHalves(-5)), ['Placeholder', 'Square'])
  assert.deepEqual(await operatorsOf(t, ofHalves(-3)), ['Placeholder', 'Neg'])
})

test('a condition that reads the input, or doubles without end, stays open', async (t) => {
  const doubled = Array.from({ length: 60 }, (_, i) => {
    return node(`d${i + 1}`, 'Add', [`d${i}`, `d${i}`], { T: int32 })
  })
  for (const condition of [
    [scalar('zero', 0), node('condition', 'Greater', ['x', 'zero'], { T: int32 })],
    [scalar('d0', 1), ...doubled, node('condition', 'Greater', ['d60', 'd0'], { T: int32 })],
  ]) {
    assert.deepEqual((await operatorsOf(t, condition)).slice(-3), ['Square', 'Neg', 'If'])
  }
})
