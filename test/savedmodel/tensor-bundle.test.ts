import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ModelError } from '../../src/errors.ts'
import { float32Tensor, float32Values, type Tensor } from '../../src/graph/tensor.ts'
import { TensorSliceProtoSchema } from '../../src/savedmodel/generated/tensor_bundle_pb.ts'
import { readTable } from '../../src/savedmodel/table.ts'
import { checkCheckpoint, readCheckpoint } from '../../src/savedmodel/tensor-bundle.ts'
import {
  type CheckpointOptions,
  encodeBlock,
  encodeTable,
  snappyCompression,
  writeCheckpoint,
} from '../support/checkpoint-writer.ts'
import { fixture } from '../support/saved-models.ts'
import { tempFolder } from '../support/temp-folder.ts'

const ramp = (start: number, count: number) =>
  float32Tensor(
    [count],
    Float32Array.from({ length: count }, (_, i) => start + i),
  )

const weights: Readonly<Record<string, Tensor>> = Object.fromEntries(
  Array.from({ length: 50 }, (_, i) => [
    `layer_${i}/kernel/.ATTRIBUTES/VARIABLE_VALUE`,
    ramp(i, i + 1),
  ]),
)

async function assertRefused(
  reading: Promise<unknown>,
  kind: ModelError['kind'],
  message: RegExp,
): Promise<void> {
  await assert.rejects(reading, (error) => {
    assert.ok(error instanceof ModelError, String(error))
    assert.match(error.message, message)
    assert.equal(error.kind, kind)
    return true
  })
}

const forms: Readonly<Record<string, CheckpointOptions>> = {
  'in one file, uncompressed': {},
  'with snappy blocks': { compression: snappyCompression },
  'with a block an entry': { entriesPerBlock: 1 },
  'in seven data files': { shards: 7 },
  'in seven data files, with snappy blocks of three entries': {
    shards: 7,
    entriesPerBlock: 3,
    compression: snappyCompression,
  },
}

for (const [form, options] of Object.entries(forms)) {
  test(`a checkpoint ${form} gives back every tensor`, async (t) => {
    const folder = await tempFolder(t)
    await writeCheckpoint(folder, weights, options)
    const tensors = await readCheckpoint(folder, new Set(Object.keys(weights)))
    for (const [key, expected] of Object.entries(weights)) {
      const found = tensors.get(key)
      assert.ok(found !== undefined, key)
      assert.deepEqual(float32Values(found), float32Values(expected))
    }
    assert.deepEqual(await checkCheckpoint(folder), { tensors: 50, sizeBytes: (4 * 50 * 51) / 2 })
  })
}

test('texts are checked by the checksum of their lengths and characters', async () => {
  const { tensors } = await checkCheckpoint(fixture('functions')) // its object graph is a text
  assert.equal(tensors, 7)
})

test('a flipped bit in any data file is found', async (t) => {
  const folder = await tempFolder(t)
  await writeCheckpoint(folder, { a: ramp(0, 4), b: ramp(0, 4) }, { shards: 2 })
  const path = join(folder, 'variables/variables.data-00001-of-00002')
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5)
  await writeFile(path, bytes)
  await assertRefused(
    readCheckpoint(folder, new Set(['b'])),
    'corrupt',
    /variables\.index: tensor 'b' has the checksum [0-9a-f]+, stored is [0-9a-f]+/,
  )
  assert.equal((await readCheckpoint(folder, new Set(['a']))).size, 1)
  await assertRefused(checkCheckpoint(folder), 'corrupt', /tensor 'b'/)
})

test('a flipped bit in the index is found', async (t) => {
  const folder = await tempFolder(t)
  await writeCheckpoint(folder, weights)
  const path = join(folder, 'variables/variables.index')
  const bytes = await readFile(path)
  bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100)
  await writeFile(path, bytes)
  await assertRefused(checkCheckpoint(folder), 'corrupt', /the block at byte 0 has the checksum/)
})

test('a data file that is not there, or too short, is named', async (t) => {
  const folder = await tempFolder(t)
  await writeCheckpoint(folder, { a: ramp(0, 4) })
  const path = join(folder, 'variables/variables.data-00000-of-00001')
  await writeFile(path, new Uint8Array(15))
  await assertRefused(checkCheckpoint(folder), 'corrupt', /16 bytes at 0 of variables.*has 15/)
  await writeCheckpoint(folder, { a: ramp(0, 4), b: ramp(0, 4) }, { shards: 2 })
  const second = await tempFolder(t)
  const index = await readFile(join(folder, 'variables/variables.index'))
  await writeCheckpoint(second, {})
  await writeFile(join(second, 'variables/variables.index'), index)
  await assertRefused(checkCheckpoint(second), 'missing', /data-00000-of-00002 is not there/)
})

test('entries that do not fit their file, shape or type are refused', async (t) => {
  const folder = await tempFolder(t)
  const cases: readonly (readonly [CheckpointOptions, ModelError['kind'], RegExp])[] = [
    [{ alter: (entry) => Object.assign(entry, { shardId: 3 }) }, 'corrupt', /data file 3 is asked/],
    [{ alter: (entry) => Object.assign(entry, { shardId: -1 }) }, 'corrupt', /data file -1/],
    [{ alter: (entry) => Object.assign(entry, { offset: 1n }) }, 'corrupt', /bytes 1 to 17/],
    [
      { alter: (entry) => Object.assign(entry, { offset: -1n }) },
      'corrupt',
      /states 16 bytes at -1/,
    ],
    [{ alter: (entry) => Object.assign(entry, { size: 1n << 50n }) }, 'corrupt', /states 11258\d+/],
    [{ alter: (entry) => Object.assign(entry, { dtype: 1 + 1 }) }, 'corrupt', /takes 32 bytes/],
    [{ alter: (entry) => Object.assign(entry, { dtype: 8 }) }, 'unsupported', /of complex64/],
    [
      {
        alter: (entry) =>
          entry.shape?.dim.push({ ...entry.shape.dim[0], size: 1n << 60n } as never),
      },
      'corrupt',
      /is not the size of a dimension|more elements than any tensor/,
    ],
    [
      { alter: (entry) => entry.slices.push(create(TensorSliceProtoSchema)) },
      'corrupt',
      /its parts hold 1 elements, \[4\] has 4/,
    ],
    [{ endianness: 1 }, 'unsupported', /big-endian/],
  ]
  for (const [options, kind, message] of cases) {
    await writeCheckpoint(folder, { a: ramp(0, 4) }, options)
    await assertRefused(readCheckpoint(folder, new Set(['a'])), kind, message)
  }
  await assertRefused(readCheckpoint(folder, new Set(['b'])), 'unsupported', /big-endian/)
  await writeCheckpoint(folder, { a: ramp(0, 4) })
  await assertRefused(readCheckpoint(folder, new Set(['b'])), 'corrupt', /there is no tensor 'b'/)
})

test('entries that all claim the same bytes are refused', async (t) => {
  const folder = await tempFolder(t)
  const tensors = { a: ramp(0, 4), b: ramp(0, 4), c: ramp(0, 4) }
  await writeCheckpoint(folder, tensors, {
    alter: (entry) => Object.assign(entry, { offset: 0n }),
  })
  const path = join(folder, 'variables/variables.data-00000-of-00001')
  await writeFile(path, tensors.a.bytes)
  await assertRefused(checkCheckpoint(folder), 'corrupt', /states 16 bytes at 0/)
})

test('a table is refused for its end, its blocks, its keys and its compression', () => {
  const read = (bytes: Uint8Array) => [...readTable(bytes)].length
  const good = encodeTable([['', Uint8Array.of(1)]])
  assert.equal(read(good), 1)
  assert.throws(() => read(good.subarray(1)), RangeError)
  assert.throws(() => read(good.subarray(0, -1)), /its last bytes are/)
  assert.throws(() => read(Buffer.alloc(10)), /too short for a table/)
  const pack = (block: Uint8Array) => block
  assert.throws(
    () => read(encodeTable([['a', Uint8Array.of(1)]], { compression: { type: 2, pack } })),
    /compression 2; 0 \(none\) and 1 \(snappy\) exist/,
  )
  const key = 'k'.repeat(5000)
  assert.throws(() => read(encodeTable([[key, Uint8Array.of(1)]])), /keys of more than 4096 bytes/)
})

test('a million tiny entries that share long keys are refused early', () => {
  const key = 'k'.repeat(4000)
  const entries = Array.from({ length: 50_000 }, (_, i) => [key + i, new Uint8Array()] as const)
  assert.throws(
    () => [...readTable(encodeTable(entries, { entriesPerBlock: 50_000 }))],
    /or of more than 67108864 together/,
  )
})

test('a block whose entries run past its end is refused', () => {
  const block = encodeBlock([['key', Uint8Array.of(1, 2, 3)]])
  for (let i = 0; i < 3; i += 1) {
    const broken = Uint8Array.from(block)
    broken[i] = 100
    const pack = (bytes: Uint8Array) => (bytes.length === block.length ? broken : bytes)
    assert.throws(
      () => [
        ...readTable(
          encodeTable([['key', Uint8Array.of(1, 2, 3)]], { compression: { type: 0, pack } }),
        ),
      ],
      RangeError,
    )
  }
})
