// A checkpoint: an index that says where each tensor stands, and data files with their bytes
// (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/tensor_bundle/tensor_bundle.h).
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { ModelError, messageOf } from '../errors.ts'
import { elementSizeBytes } from '../graph/data-type.ts'
import { elementCount, type Tensor } from '../graph/tensor.ts'
import { maskedCrc32c } from './checksum.ts'
import { dataTypeFromNumber, dataTypeName } from './data-types.ts'
import {
  type BundleEntryProto,
  BundleEntryProtoSchema,
  BundleHeaderProtoSchema,
} from './generated/tensor_bundle_pb.ts'
import {
  maxEntryBytes,
  maxIndexFileBytes,
  maxMessageDepth,
  maxPartedBytes,
  maxShards,
} from './limits.ts'
import { messageCost } from './message-cost.ts'
import { type ModelFile, openModelFile, readModelFile } from './model-folder.ts'
import { staticShapeFromProto } from './shape-proto.ts'
import { readTable, type TableEntry } from './table.ts'
import { type Extent, pasteSlice, sliceKey } from './tensor-slice.ts'

const prefix = 'variables/variables'
const indexName = `${prefix}.index`
const headerKey = ''
const littleEndian = 0

interface Index {
  readonly shards: number
  readonly entries: ReadonlyMap<string, BundleEntryProto>
}

/**
 * The tensors of a model's checkpoint with the keys `wanted`, their checksums verified.
 * @throws ModelError `missing` for files, `corrupt` for checksums, lengths and absent keys,
 *   `unsupported` for element types
 */
export async function readCheckpoint(
  folder: string,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Tensor>> {
  const index = await readIndex(folder, (key) => wanted.has(key))
  for (const key of wanted) {
    if (!index.entries.has(key)) {
      throw new ModelError('corrupt', `${join(folder, indexName)}: there is no tensor '${key}'`)
    }
  }
  const tensors = await readParts(folder, index)
  await visitTensors(folder, index, (key, entry, bytes) => {
    tensors.set(key, tensorOf(entry, bytes, whereIs(folder, key)))
  })
  return tensors
}

/** The tensors of `index` that are stored in parts, put together. */
async function readParts(folder: string, index: Index): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>()
  const parts = new Map<string, Part>()
  for (const [key, entry] of index.entries) {
    if (entry.slices.length === 0) continue
    const where = whereIs(folder, key)
    const of = partedTensor(entry, where)
    tensors.set(key, of)
    for (const { extent } of entry.slices) {
      // An extent without a length is the whole dimension.
      const extents = extent.map(({ start, length }, axis) => {
        return { start: Number(start), length: Number(length) || (of.shape[axis] ?? 0) }
      })
      parts.set(sliceKey(key, extent), { of, extents, where })
    }
  }
  if (parts.size === 0) return tensors
  const partIndex = await readIndex(folder, (key) => parts.has(key))
  for (const [key, { where }] of parts) {
    if (partIndex.entries.has(key)) continue
    throw new ModelError('corrupt', `${where}: one of its parts is not there`)
  }
  await visitTensors(folder, partIndex, (key, _entry, bytes) => {
    const { of, extents, where } = parts.get(key) as Part
    try {
      pasteSlice(of, extents, bytes)
    } catch (error) {
      throw new ModelError('corrupt', `${where}: ${messageOf(error)}`, { cause: error })
    }
  })
  return tensors
}

/** A part of a tensor, and where it goes. */
interface Part {
  readonly of: Tensor
  readonly extents: readonly Extent[]
  readonly where: string
}

/** A tensor with room for its parts, which must fill it: a shape alone could ask for any amount. */
function partedTensor(entry: BundleEntryProto, where: string): Tensor {
  const { dtype, shape, sizeBytes } = formOf(entry, where)
  const sizes = entry.slices.map(({ extent }) =>
    elementCount(extent.map(({ length }, axis) => Number(length) || (shape[axis] ?? 0))),
  )
  const found = sizes.reduce((sum, size) => sum + size, 0)
  if (found !== elementCount(shape)) {
    const message = `${where}: its parts hold ${found} elements, [${shape}] has ${elementCount(shape)}`
    throw new ModelError('corrupt', message)
  }
  if (sizeBytes > maxPartedBytes) {
    throw new ModelError('unsupported', `${where} is stored in parts and has ${sizeBytes} bytes`)
  }
  return { dtype, shape, bytes: new Uint8Array(sizeBytes) }
}

/** How much of a checkpoint was read and found whole. */
export interface CheckedCheckpoint {
  readonly tensors: number
  readonly sizeBytes: number
}

/**
 * Verifies the checksum of every block and tensor of a model's checkpoint, used or not.
 * @throws ModelError `missing` or `corrupt`
 */
export async function checkCheckpoint(folder: string): Promise<CheckedCheckpoint> {
  const index = await readIndex(folder, () => true)
  let sizeBytes = 0
  let tensors = 0
  await visitTensors(folder, index, (_key, _entry, bytes) => {
    sizeBytes += bytes.length
    tensors += 1
  })
  return { tensors, sizeBytes }
}

async function readIndex(folder: string, isWanted: (key: string) => boolean): Promise<Index> {
  const path = join(folder, indexName)
  const bytes = await readModelFile(folder, indexName, maxIndexFileBytes)
  try {
    return indexOf(readTable(bytes), isWanted)
  } catch (error) {
    if (error instanceof ModelError) {
      throw error
    }
    throw new ModelError('corrupt', `${path}: ${messageOf(error)}`, { cause: error })
  }
}

function indexOf(table: Iterable<TableEntry>, isWanted: (key: string) => boolean): Index {
  let shards: number | undefined
  const entries = new Map<string, BundleEntryProto>()
  for (const { key, value } of table) {
    if (key === headerKey) {
      shards = shardsOf(value)
    } else if (isWanted(key)) {
      messageCost(BundleEntryProtoSchema, value, { bytes: maxEntryBytes, depth: maxMessageDepth })
      entries.set(key, fromBinary(BundleEntryProtoSchema, value, { readUnknownFields: false }))
    }
  }
  if (shards === undefined) {
    throw new RangeError('it has no header')
  }
  return { shards, entries }
}

function shardsOf(value: Uint8Array): number {
  const header = fromBinary(BundleHeaderProtoSchema, value)
  if (header.endianness !== littleEndian) {
    throw new ModelError('unsupported', `${indexName}: big-endian checkpoints are not supported`)
  }
  if (header.numShards < 1 || header.numShards > maxShards) {
    throw new RangeError(`it states ${header.numShards} data files, 1 to ${maxShards} can be`)
  }
  return header.numShards
}

/** What a visit is told of each tensor; those in parts have no bytes of their own. */
type Visit = (key: string, entry: BundleEntryProto, bytes: Uint8Array) => void

/** A data file. Each of its bytes is given once: overlapping entries could ask for any amount. */
interface Shard {
  readonly id: number
  readonly file: ModelFile
  remainingBytes: number
}

/** Reads the tensors file by file in the order of their bytes, with one file open at a time. */
async function visitTensors(folder: string, index: Index, visit: Visit): Promise<void> {
  const entries = [...index.entries]
    .filter(([, entry]) => entry.slices.length === 0)
    .sort(([, a], [, b]) => a.shardId - b.shardId || Number(a.offset - b.offset))
  let shard: Shard | undefined
  try {
    for (const [key, entry] of entries) {
      if (shard?.id !== entry.shardId) {
        await shard?.file.close()
        shard = undefined // so that nothing is closed twice where opening fails
        shard = await openShard(folder, index.shards, entry.shardId)
      }
      visit(key, entry, await readBytes(shard, entry, whereIs(folder, key)))
    }
  } finally {
    await shard?.file.close()
  }
}

async function openShard(folder: string, shards: number, id: number): Promise<Shard> {
  if (id < 0 || id >= shards) {
    const found = `data file ${id} is asked for, there are ${shards}`
    throw new ModelError('corrupt', `${join(folder, indexName)}: ${found}`)
  }
  const digits = (n: number) => String(n).padStart(5, '0')
  const file = await openModelFile(folder, `${prefix}.data-${digits(id)}-of-${digits(shards)}`)
  return { id, file, remainingBytes: file.sizeBytes }
}

/** @param where names index and key, for messages */
async function readBytes(shard: Shard, entry: BundleEntryProto, where: string) {
  const [offset, sizeBytes] = [Number(entry.offset), Number(entry.size)]
  if (offset < 0 || sizeBytes < 0 || sizeBytes > shard.remainingBytes) {
    throw new ModelError(
      'corrupt',
      `${where} states ${sizeBytes} bytes at ${offset} of ${shard.file.name}, which has ${shard.file.sizeBytes}`,
    )
  }
  shard.remainingBytes -= sizeBytes
  const bytes = await shard.file.read(offset, sizeBytes)
  const checked =
    dataTypeFromNumber(entry.dtype) === 'string' ? spellOutLengths(entry, bytes) : bytes
  const computed = maskedCrc32c(checked)
  if (computed !== entry.crc32c) {
    throw new ModelError(
      'corrupt',
      `${where} has the checksum ${computed.toString(16)}, stored is ${entry.crc32c.toString(16)}`,
    )
  }
  return bytes
}

/** Texts are stored as lengths (varints), a checksum and characters, and summed with 4-byte lengths. */
function spellOutLengths({ shape }: BundleEntryProto, bytes: Uint8Array): Uint8Array {
  const reader = new BinaryReader(bytes)
  const count = elementCount(staticShapeFromProto(shape, indexName))
  // Each length takes a byte at least, which bounds what a shape can ask for.
  const lengths = Array.from({ length: Math.min(count, bytes.length) }, () => reader.uint32())
  const fixed = new Uint8Array(Uint32Array.from(lengths).buffer)
  return Buffer.concat([fixed, bytes.subarray(reader.pos)])
}

function formOf(entry: BundleEntryProto, where: string) {
  const dtype = dataTypeFromNumber(entry.dtype)
  if (dtype === undefined || dtype === 'string') {
    const found = dataTypeName(entry.dtype)
    throw new ModelError('unsupported', `${where}: variables of ${found} are not supported`)
  }
  const shape = staticShapeFromProto(entry.shape, where)
  return { dtype, shape, sizeBytes: elementCount(shape) * elementSizeBytes[dtype] }
}

function tensorOf(entry: BundleEntryProto, bytes: Uint8Array, where: string): Tensor {
  const { dtype, shape, sizeBytes } = formOf(entry, where)
  if (bytes.length !== sizeBytes) {
    throw new ModelError(
      'corrupt',
      `${where}: ${dtype} of shape [${shape}] takes ${sizeBytes} bytes, found ${bytes.length}`,
    )
  }
  return { dtype, shape, bytes }
}

function whereIs(folder: string, key: string): string {
  return `${join(folder, indexName)}: tensor '${key}'`
}
