import assert from 'node:assert/strict'
import test from 'node:test'
import type { ModelError } from '../../src/errors.ts'
import { float32Tensor, type Tensor } from '../../src/graph/tensor.ts'
import { encodeSafetensors, readSafetensors } from '../../src/resnet/safetensors.ts'

const tensors: ReadonlyMap<string, Tensor> = new Map([
  ['kernel', float32Tensor([2, 1], Float32Array.of(1.5, -2))],
  ['steps', { dtype: 'int64', shape: [], bytes: new Uint8Array(8).fill(1) }],
  ['none', float32Tensor([0, 3], new Float32Array(0))],
])

/** A file of this header and as many bytes of data. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.byteLength))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}

test('what is written is read again', () => {
  const file = Buffer.concat(encodeSafetensors(tensors))
  const read = readSafetensors(file)
  assert.deepEqual([...read.keys()].sort(), ['kernel', 'none', 'steps'])
  for (const [name, { dtype, shape, bytes }] of tensors) {
    const found = read.get(name)
    assert.deepEqual([found?.dtype, found?.shape], [dtype, shape])
    assert.deepEqual(Buffer.from(found?.bytes ?? []), Buffer.from(bytes))
  }
})

test('the tensors of a written file begin at a multiple of eight bytes', () => {
  const [header] = encodeSafetensors(tensors)
  assert.equal((header?.byteLength ?? 1) % 8, 0)
})

test('metadata is no tensor', () => {
  const file = fileOf({
    __metadata__: { format: 'pt' },
    a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
  })
  assert.deepEqual([...readSafetensors(Buffer.concat([file, Buffer.alloc(4)])).keys()], ['a'])
})

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }
const huge = Buffer.alloc(16, 0xff)
const faults: readonly [string, Uint8Array, ModelError['kind'], RegExp][] = [
  ['a file of four bytes', Buffer.alloc(4), 'corrupt', /holds 4 bytes, fewer than/],
  ['a header longer than the file', huge, 'corrupt', /claims 18446744073709551615 bytes/],
  ['a header that is no JSON', fileOf('{"a":'), 'corrupt', /not JSON/],
  ['a header that is a list', fileOf([]), 'corrupt', /not a JSON object/],
  [
    'a header that is not UTF-8',
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0xff]),
    'corrupt',
    /not JSON/,
  ],
  ['a tensor that is null', fileOf({ a: null }), 'corrupt', /a lacks a shape/],
  ['no offsets', fileOf({ a: { ...entry, data_offsets: [0] } }), 'corrupt', /a lacks a shape or/],
  ['a negative size', fileOf({ a: { ...entry, shape: [-2] } }), 'corrupt', /a lacks a shape/],
  ['a size of 1.5', fileOf({ a: { ...entry, shape: [1.5] } }), 'corrupt', /a lacks a shape/],
  ['an unknown dtype', fileOf({ a: { ...entry, dtype: 'F8_E4M3' } }), 'unsupported', /"F8_E4M3"/],
  ['a dtype of Object', fileOf({ a: { ...entry, dtype: 'toString' } }), 'unsupported', /toString/],
  [
    'too few bytes',
    fileOf({ a: { ...entry, shape: [3] } }, 8),
    'corrupt',
    /needs 12 bytes.*span 8/,
  ],
  [
    'sizes whose product overflows',
    fileOf({ a: { ...entry, shape: [2 ** 40, 2 ** 40] } }, 8),
    'corrupt',
    /needs/,
  ],
  ['a tensor beyond the end', fileOf({ a: entry }, 4), 'corrupt', /take 8 bytes, the file holds 4/],
  [
    'bytes that no tensor has',
    fileOf({ a: entry }, 12),
    'corrupt',
    /take 8 bytes, the file holds 12/,
  ],
  ['a hole', fileOf({ a: { ...entry, data_offsets: [4, 12] } }, 12), 'corrupt', /begins at byte 4/],
  [
    'an overlap',
    fileOf({ a: entry, b: { ...entry, data_offsets: [4, 12] } }, 12),
    'corrupt',
    /b begins at byte 4, expected 8/,
  ],
]

for (const [what, file, kind, message] of faults) {
  test(`${what} is refused as ${kind}`, () => {
    assert.throws(() => readSafetensors(file), { name: 'ModelError', kind, message })
  })
}
