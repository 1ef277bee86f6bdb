// The sorted table of keys and values that a checkpoint's index is: LevelDB's table format with
// TensorFlow's magic (https://github.com/google/leveldb/blob/main/doc/table_format.md,
// https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/format.cc).
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { maskedCrc32c } from './checksum.ts'
import { entryOverheadBytes, maxIndexBytes, maxKeyBytes, maxKeyBytesTotal } from './limits.ts'
import { uncompressSnappy } from './snappy.ts'

const magic = 0xdb4775248b80fb57n
/** Two handles of two varints, padded to 40 bytes, and the magic. */
const footerBytes = 48
/** After each block: how it is compressed (1 byte) and the checksum of block and that byte (4). */
const trailerBytes = 5
const uncompressed = 0
const snappy = 1

export interface TableEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** What reading one table may still take. */
interface Budget {
  blockBytes: number
  keyBytes: number
}

/**
 * The entries of a table in their order.
 * @throws RangeError for anything that breaks the format, a checksum or a limit
 */
export function* readTable(file: Uint8Array): Generator<TableEntry> {
  const budget = { blockBytes: maxIndexBytes, keyBytes: maxKeyBytesTotal }
  const index = readBlock(file, readIndexHandle(file), budget)
  for (const { value } of readEntries(index, budget)) {
    yield* readEntries(readBlock(file, readHandle(new BinaryReader(value)), budget), budget)
  }
}

/** Where a block stands; its trailer follows. */
interface Handle {
  readonly offset: number
  readonly sizeBytes: number
}

function readIndexHandle(file: Uint8Array): Handle {
  if (file.length < footerBytes) {
    throw new RangeError(`${file.length} bytes are too short for a table`)
  }
  const footer = file.subarray(file.length - footerBytes)
  const found = viewOf(footer).getBigUint64(footerBytes - 8, true)
  if (found !== magic) {
    throw new RangeError(
      `its last bytes are ${found.toString(16)}, a table ends with ${magic.toString(16)}`,
    )
  }
  const reader = new BinaryReader(footer)
  readHandle(reader) // of the metadata block, which TensorFlow leaves empty
  return readHandle(reader)
}

function readHandle(reader: BinaryReader): Handle {
  return { offset: Number(reader.uint64()), sizeBytes: Number(reader.uint64()) }
}

function readBlock(file: Uint8Array, { offset, sizeBytes }: Handle, budget: Budget): Uint8Array {
  const end = offset + sizeBytes
  if (end + trailerBytes > file.length) {
    throw new RangeError(`a block ends at byte ${end}, the file has ${file.length}`)
  }
  const stored = viewOf(file).getUint32(end + 1, true)
  const computed = maskedCrc32c(file.subarray(offset, end + 1))
  if (stored !== computed) {
    throw new RangeError(
      `the block at byte ${offset} has the checksum ${computed.toString(16)}, stored is ${stored.toString(16)}`,
    )
  }
  const content = file.subarray(offset, end)
  const block = uncompressBlock(content, file[end] ?? uncompressed, budget.blockBytes)
  budget.blockBytes -= block.length
  if (budget.blockBytes < 0) {
    throw new RangeError(`its blocks hold more than the allowed ${maxIndexBytes} bytes`)
  }
  return block
}

function uncompressBlock(content: Uint8Array, compression: number, maxBytes: number): Uint8Array {
  switch (compression) {
    case uncompressed:
      return content
    case snappy:
      return uncompressSnappy(content, maxBytes)
    default:
      throw new RangeError(`a block has compression ${compression}; 0 (none) and 1 (snappy) exist`)
  }
}

/** A block: entries, then 4-byte offsets of restart points (needed only to search), then their count. */
function* readEntries(block: Uint8Array, budget: Budget): Generator<TableEntry> {
  const restarts = block.length < 4 ? 0 : viewOf(block).getUint32(block.length - 4, true)
  const end = block.length - 4 - 4 * restarts
  if (end < 0) {
    throw new RangeError(`a block of ${block.length} bytes is too short for its restart points`)
  }
  const entries = block.subarray(0, end)
  const reader = new BinaryReader(entries)
  let key: Uint8Array = new Uint8Array()
  while (reader.pos < end) {
    const shared = reader.uint32()
    const added = reader.uint32()
    const valueBytes = reader.uint32()
    const valueStart = reader.pos + added
    if (shared > key.length || valueStart + valueBytes > end) {
      throw new RangeError(`an entry at byte ${reader.pos} of a block runs past what is there`)
    }
    key = extendKey(key.subarray(0, shared), entries.subarray(reader.pos, valueStart), budget)
    reader.pos = valueStart + valueBytes
    yield { key: keyText(key), value: entries.subarray(valueStart, reader.pos) }
  }
}

/** Names are texts. Keys of parts (tensor-slice.ts) begin with a zero and are bytes. */
function keyText(key: Uint8Array): string {
  return Buffer.from(key).toString(key[0] === 0 ? 'latin1' : 'utf8')
}

/** Keys are stored as what they add to a part of the key before. */
function extendKey(shared: Uint8Array, added: Uint8Array, budget: Budget): Uint8Array {
  const sizeBytes = shared.length + added.length
  budget.keyBytes -= sizeBytes + entryOverheadBytes
  if (sizeBytes > maxKeyBytes || budget.keyBytes < 0) {
    throw new RangeError(
      `keys of more than ${maxKeyBytes} bytes, or of more than ${maxKeyBytesTotal} together`,
    )
  }
  const key = new Uint8Array(sizeBytes)
  key.set(shared)
  key.set(added, shared.length)
  return key
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
