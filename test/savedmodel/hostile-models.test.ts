import assert from 'node:assert/strict'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { ModelError } from '../../src/errors.ts'
import { readSavedModel } from '../../src/savedmodel/read-saved-model.ts'
import { readSignatures } from '../../src/savedmodel/signatures.ts'
import {
  call,
  type FunctionInit,
  type NodeInit,
  node,
  texts,
  unary,
  variableModel,
  writeModel,
} from '../support/model-messages.ts'
import { tempFolder } from '../support/temp-folder.ts'

async function assertRefused(
  folder: string,
  kind: ModelError['kind'],
  message: RegExp,
): Promise<void> {
  await assert.rejects(readSavedModel(folder), (error) => {
    assert.ok(error instanceof ModelError, String(error))
    assert.match(error.message, message)
    assert.equal(error.kind, kind)
    return true
  })
}

const y = (...input: string[]) => node('y', 'AddV2', input)
const float32 = { kind: 'type', value: 'float32' } as const

/** A constant of this shape, all of it one value. */
function filled(name: string, shape: readonly bigint[], dtype = 1): NodeInit {
  const tensorShape = { dim: shape.map((size) => ({ size })) }
  const tensor = { dtype, tensorShape, floatVal: [1] }
  return node(name, 'Const', [], { value: { value: { case: 'tensor', value: tensor } } })
}

test('an empty folder is a missing model', async (t) => {
  await assertRefused(await tempFolder(t), 'missing', /saved_model\.pb is not there/)
})

test('the text form is refused, with what to do', async (t) => {
  const folder = await tempFolder(t, { 'saved_model.pbtxt': 'saved_model_schema_version: 1' })
  await assertRefused(folder, 'unsupported', /saved_model\.pbtxt: the text form.*saved_model\.pb/)
})

test('a folder in the place of the file is refused', async (t) => {
  const folder = await tempFolder(t)
  await mkdir(join(folder, 'saved_model.pb'))
  await assertRefused(folder, 'corrupt', /saved_model\.pb is not a regular file/)
})

test('what is no SavedModel is refused', async (t) => {
  const files = { 'saved_model.pb': 'version https://git-lfs.github.com/spec/v1' }
  await assertRefused(await tempFolder(t, files), 'corrupt', /saved_model\.pb is not a SavedModel/)
})

test('an empty file has no graph for serving', async (t) => {
  const folder = await tempFolder(t, { 'saved_model.pb': '' })
  await assertRefused(folder, 'unsupported', /no graph is tagged 'serve'; tags of its graphs: none/)
})

test('tags and signatures that are there are named where the wanted one is not', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'x')], { tags: ['train', 'gpu'] })
  await assertRefused(folder, 'unsupported', /tags of its graphs: \[train,gpu\]/)
  await writeModel(folder, [y('x', 'x')])
  await assert.rejects(
    readSavedModel(folder, { signature: 'other' }),
    /no signature other; signatures with inputs and outputs: serving_default/,
  )
})

test('a graph for serving that has a second tag is read', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'x')], { tags: ['serve', 'gpu'] })
  const graph = await readSavedModel(folder)
  assert.deepEqual(
    graph.nodes.map(({ op }) => op),
    ['Placeholder', 'AddV2'],
  )
})

for (const part of ['saved_model.pb', 'variables']) {
  test(`${part} may not be a link that leads outside`, async (t) => {
    const folder = join(await tempFolder(t), 'model')
    await writeModel(folder, ...variableModel)
    await mkdir(join(folder, 'variables'))
    await writeFile(join(folder, 'variables/variables.index'), '')
    await rename(join(folder, part), join(folder, '..', part))
    await symlink(join('..', part), join(folder, part))
    await assertRefused(folder, 'corrupt', /leads outside the model's folder/)
  })
}

test('a link to another place in the model is followed', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'x')])
  await rename(join(folder, 'saved_model.pb'), join(folder, 'other.pb'))
  await symlink('other.pb', join(folder, 'saved_model.pb'))
  assert.equal((await readSavedModel(folder)).nodes.length, 2)
})

test('millions of empty messages are refused before they are decoded', async (t) => {
  const nodes = Buffer.alloc(8_000_000)
  for (let i = 0; i < nodes.length; i += 2) {
    nodes[i] = 0x0a // field 1 of GraphDef, an empty NodeDef
  }
  const nested = (number: number, bytes: Uint8Array) =>
    new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytes).finish()
  const model = nested(2, nested(2, nodes))
  const before = process.memoryUsage().rss
  const folder = await tempFolder(t, { 'saved_model.pb': model })
  await assertRefused(folder, 'corrupt', /would take more than the allowed 1073741824 bytes/)
  assert.ok(process.memoryUsage().rss - before < 200e6)
})

test('a field of another wire type than its own is refused', async (t) => {
  const model = new BinaryWriter().tag(2, WireType.Varint).uint32(5).finish()
  const folder = await tempFolder(t, { 'saved_model.pb': model })
  await assertRefused(folder, 'corrupt', /meta_graphs has wire type 0, its type needs 2/)
})

test('a function that calls itself is refused', async (t) => {
  const folder = await tempFolder(t)
  const f = unary('f', [call('again', ['x'], 'f')], 'again:output:0')
  await writeModel(folder, [call('y', ['x'], 'f')], { functions: [f] })
  await assertRefused(folder, 'unsupported', /function f is called 65 calls deep/)
})

test('functions that double at each of 40 levels are refused', { timeout: 60_000 }, async (t) => {
  const folder = await tempFolder(t)
  const functions: FunctionInit[] = Array.from({ length: 40 }, (_, i) => {
    const next = `f${i + 1}`
    const nodes = [
      call('a', ['x'], next),
      call('b', ['a:output:0'], next),
      node('sum', 'AddV2', ['a:output:0', 'b:output:0']),
    ]
    return unary(`f${i}`, nodes, 'sum:z:0')
  })
  functions.push(unary('f40', [node('leaf', 'Relu', ['x'])], 'leaf:activations:0'))
  await writeModel(folder, [call('y', ['x'], 'f0')], { functions })
  await assertRefused(folder, 'unsupported', /has more than 200000 nodes|more than \d+ nodes/)
})

test('a call of a function that is not there is refused', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [call('y', ['x'], 'nowhere')])
  await assertRefused(folder, 'corrupt', /node y calls function 'nowhere', which is not in the mod/)
})

test('values in a circle are refused, with and without operators in it', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [node('y', 'Identity', ['z']), node('z', 'Identity', ['y'])])
  await assertRefused(folder, 'corrupt', /in a circle/)
  await writeModel(folder, [y('x', 'z'), node('z', 'Relu', ['y'])])
  await assertRefused(folder, 'unsupported', /node y \(AddV2\) needs its own result; loops/)
})

test('a chain of 100,000 nodes is read without exhausting the stack', async (t) => {
  const folder = await tempFolder(t)
  const nodes = Array.from({ length: 100_000 }, (_, i) =>
    node(`n${i}`, i % 2 === 0 ? 'Relu' : 'Identity', [i === 0 ? 'x' : `n${i - 1}`]),
  )
  await writeModel(folder, [...nodes, y('n99999', 'n50000')])
  assert.equal((await readSavedModel(folder)).nodes.length, 50_002)
})

test('references to what is not there are refused', async (t) => {
  const folder = await tempFolder(t)
  for (const [input, message] of [
    ['nowhere', /there is no node 'nowhere'/],
    ['x:one', /node x \(Placeholder\) has no output 'x:one'/],
    ['x:-1', /node x \(Placeholder\) has no output 'x:-1'/],
    ['empty', /node empty \(Identity\) has no input 0/],
    ['constructor', /there is no node 'constructor'/],
    ['ordered', /node ordered \(Identity\) has no input 0/],
  ] as const) {
    const others = [node('empty', 'Identity'), node('ordered', 'Identity', ['^x'])]
    await writeModel(folder, [y('x', input), ...others])
    await assertRefused(folder, 'corrupt', message)
  }
})

test('a placeholder that the signature does not feed is refused', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'other'), node('other', 'Placeholder')])
  await assertRefused(
    folder,
    'unsupported',
    /node other \(Placeholder\) is needed, but is no input/,
  )
})

test('two nodes of one name are refused', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'x'), y('x', 'x')])
  await assertRefused(folder, 'corrupt', /two nodes are named 'y'/)
})

test('control flow is refused, naming node and operator', async (t) => {
  const folder = await tempFolder(t)
  const branch = { value: { case: 'func' as const, value: { name: 'f' } } }
  const choice = node('choice', 'If', ['x', 'x'], { then_branch: branch })
  await writeModel(folder, [y('x', 'choice'), choice])
  await assertRefused(folder, 'unsupported', /node choice \(If\), attribute then_branch/)
})

test('names and attributes of objects are ordinary names', async (t) => {
  const folder = await tempFolder(t)
  const attr = { constructor: float32, hasOwnProperty: float32, ['__proto__']: float32 }
  await writeModel(folder, [y('x', '__proto__'), node('__proto__', 'toString', ['x'], attr)])
  const graph = await readSavedModel(folder)
  assert.deepEqual(
    graph.nodes.map(({ op }) => op),
    ['Placeholder', 'toString', 'AddV2'],
  )
})

test('constants that would fill the memory are refused', async (t) => {
  const folder = await tempFolder(t)
  for (const [shape, kind, message] of [
    [[1n << 40n], 'unsupported', /repeated values of constants take more than/],
    [[1n << 40n, 1n << 40n], 'corrupt', /has more elements than any tensor/],
    [[-1n], 'corrupt', /unknown shape \[-1\]/],
    [[-5n], 'corrupt', /-5 is not the size of a dimension/],
    [Array(300).fill(1n), 'corrupt', /300 dimensions, at most 254/],
  ] as const) {
    await writeModel(folder, [y('x', 'c'), filled('c', shape)])
    await assertRefused(folder, kind, message)
  }
  const many = Array.from({ length: 20 }, (_, i) => filled(`c${i}`, [1n << 20n]))
  await writeModel(folder, [
    ...many,
    node(
      'y',
      'AddN',
      many.map(({ name }) => String(name)),
    ),
  ])
  await assertRefused(folder, 'unsupported', /repeated values of constants take more than/)
})

test('constants of types without bytes are refused', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, [y('x', 'c'), node('c', 'Const', [], texts('text'))])
  await assertRefused(folder, 'unsupported', /constants of string are not supported/)
  await writeModel(folder, [y('x', 'c'), filled('c', [1n], 8)])
  await assertRefused(folder, 'unsupported', /constants of complex64 are not supported/)
  await writeModel(folder, [y('x', 'c'), node('c', 'Const')])
  await assertRefused(folder, 'corrupt', /node c \(Const\) has no value/)
})

test('a model with variables but no checkpoint is missing a file', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, ...variableModel)
  await assertRefused(folder, 'missing', /variables\.index is not there/)
})

test('a variable that nothing restores is refused', async (t) => {
  const folder = await tempFolder(t)
  const [nodes, rest] = variableModel
  await writeModel(folder, nodes)
  await assertRefused(folder, 'unsupported', /has variables, but no operation that restores them/)
  await writeModel(folder, [...nodes.filter(({ name }) => name !== 'assign')], rest)
  await assertRefused(folder, 'unsupported', /variable v is not restored from the checkpoint/)
})

test('signatures are listed of models whose weights are not there', async (t) => {
  const folder = await tempFolder(t)
  await writeModel(folder, ...variableModel)
  const { signatures } = await readSignatures(folder)
  assert.deepEqual(
    signatures.map(({ name, inputs }) => [name, inputs[0]?.tensor]),
    [['serving_default', 'x:0']],
  )
})
