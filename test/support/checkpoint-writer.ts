// Writes checkpoints for tests, well-formed or not, with each choice of the format open: compression,
// entries a block, data files. https://github.com/google/leveldb/blob/main/doc/table_format.md
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter } from '@bufbuild/protobuf/wire'
import type { Tensor } from '../../src/graph/tensor.ts'
import { maskedCrc32c } from '../../src/savedmodel/checksum.ts'
import { dataTypeNumber } from '../../src/savedmodel/data-types.ts'
import {
  type BundleEntryProto,
  BundleEntryProtoSchema,
  BundleHeaderProtoSchema,
} from '../../src/savedmodel/generated/tensor_bundle_pb.ts'
import { shapeToProto } from '../../src/savedmodel/shape-proto.ts'

const require = createRequire(import.meta.url)
const { compress } = require('snappyjs') as { compress(input: Uint8Array): Uint8Array }

export type TableEntries = readonly (readonly [key: string, value: Uint8Array])[]

export interface TableOptions {
  readonly entriesPerBlock?: number
  /** What to store for a block's bytes, and as which compression. */
  readonly compression?: { readonly type: number; pack(block: Uint8Array): Uint8Array }
}

export const snappyCompression = { type: 1, pack: compress }
const noCompression = { type: 0, pack: (block: Uint8Array) => block }

const magic = 0xdb4775248b80fb57n

/** A table of these entries, in this order. */
export function encodeTable(entries: TableEntries, options: TableOptions = {}): Buffer {
  const { entriesPerBlock = 16, compression = noCompression } = options
  const parts: Uint8Array[] = []
  let size = 0
  const add = (block: Uint8Array): Uint8Array => {
    const packed = compression.pack(block)
    const checked = Buffer.concat([packed, Uint8Array.of(compression.type)])
    const checksum = Buffer.alloc(4)
    checksum.writeUInt32LE(maskedCrc32c(checked))
    const handle = new BinaryWriter().uint64(size).uint64(packed.length).finish()
    parts.push(checked, checksum)
    size += checked.length + checksum.length
    return handle
  }
  const index: [string, Uint8Array][] = []
  for (let start = 0; start < entries.length; start += entriesPerBlock) {
    const block = entries.slice(start, start + entriesPerBlock)
    index.push([block.at(-1)?.[0] ?? '', add(encodeBlock(block))])
  }
  const handles = Buffer.concat([add(encodeBlock([])), add(encodeBlock(index))])
  const footer = Buffer.alloc(48)
  footer.set(handles)
  footer.writeBigUInt64LE(magic, 40)
  return Buffer.concat([...parts, footer])
}

/** Keys are stored as what they add to the key before. */
export function encodeBlock(entries: TableEntries): Uint8Array {
  const writer = new BinaryWriter()
  let previous: Buffer = Buffer.alloc(0)
  for (const [text, value] of entries) {
    const key = Buffer.from(text)
    let shared = 0
    while (shared < Math.min(key.length, previous.length) && key[shared] === previous[shared]) {
      shared += 1
    }
    writer
      .uint32(shared)
      .uint32(key.length - shared)
      .uint32(value.length)
    writer.raw(key.subarray(shared)).raw(value)
    previous = key
  }
  return writer.fixed32(0).fixed32(1).finish() // one restart point, at the start
}

export interface CheckpointOptions extends TableOptions {
  readonly shards?: number
  readonly endianness?: number
  /** Changes an entry before it is written. */
  readonly alter?: (entry: BundleEntryProto, key: string) => void
}

/** Writes `folder/variables/variables.*`; tensors go to the data files in turn. */
export async function writeCheckpoint(
  folder: string,
  tensors: Readonly<Record<string, Tensor>>,
  options: CheckpointOptions = {},
): Promise<void> {
  const { shards = 1, endianness = 0, alter } = options
  const data: Buffer[] = Array.from({ length: shards }, () => Buffer.alloc(0))
  const header = create(BundleHeaderProtoSchema, { numShards: shards, endianness })
  const entries: [string, Uint8Array][] = [['', toBinary(BundleHeaderProtoSchema, header)]]
  for (const [i, key] of Object.keys(tensors).sort().entries()) {
    const { dtype, shape, bytes } = tensors[key] as Tensor
    const shardId = i % shards
    const before = data[shardId] as Buffer
    data[shardId] = Buffer.concat([before, bytes])
    const entry = create(BundleEntryProtoSchema, {
      dtype: dataTypeNumber(dtype),
      shape: shapeToProto(shape),
      shardId,
      offset: BigInt(before.length),
      size: BigInt(bytes.length),
      crc32c: maskedCrc32c(bytes),
    })
    alter?.(entry, key)
    entries.push([key, toBinary(BundleEntryProtoSchema, entry)])
  }
  const prefix = join(folder, 'variables/variables')
  await mkdir(join(folder, 'variables'), { recursive: true })
  await writeFile(`${prefix}.index`, encodeTable(entries, options))
  const digits = (n: number) => String(n).padStart(5, '0')
  for (const [i, bytes] of data.entries()) {
    await writeFile(`${prefix}.data-${digits(i)}-of-${digits(shards)}`, bytes)
  }
}
