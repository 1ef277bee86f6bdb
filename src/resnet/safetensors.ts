// Reads and writes .safetensors files: the header's length (u64, little-endian), the header (JSON:
// name -> dtype, shape, data_offsets), then the tensors' bytes without gaps.
// https://huggingface.co/docs/safetensors
import { ModelError, messageOf } from '../errors.ts'
import { type DataType, elementSizeBytes } from '../graph/data-type.ts'
import { elementCount, type Tensor } from '../graph/tensor.ts'

/** Tensors by name, as a training framework saved them. */
export type Checkpoint = ReadonlyMap<string, Tensor>

const lengthBytes = 8
/** The reference implementation refuses longer headers too: a length is read before it is trusted. */
const maxHeaderBytes = 100_000_000
/** Readers may map tensors straight from memory, so writers align the first one. */
const dataAlignmentBytes = 8

const dataTypes: Readonly<Record<string, DataType>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
}

interface Entry {
  readonly name: string
  readonly dtype: DataType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

/**
 * The tensors of a file, as views into `bytes`.
 * @throws ModelError `corrupt` where the file breaks the format, `unsupported` for an element type
 * that has no name here
 */
export function readSafetensors(bytes: Uint8Array): Checkpoint {
  const headerBytes = readHeaderLength(bytes)
  const data = bytes.subarray(lengthBytes + headerBytes)
  const header = parseHeader(bytes.subarray(lengthBytes, lengthBytes + headerBytes))
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => readEntry(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end)
  let position = 0
  for (const { name, begin, end } of entries) {
    if (begin !== position) {
      throw corrupt(`tensor ${name} begins at byte ${begin}, expected ${position}`)
    }
    position = end
  }
  if (position !== data.byteLength) {
    throw corrupt(`the tensors take ${position} bytes, the file holds ${data.byteLength} for them`)
  }
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [
      name,
      { dtype, shape, bytes: data.subarray(begin, end) },
    ]),
  )
}

/** The file's parts in order, to be written one after the other. */
export function encodeSafetensors(checkpoint: Checkpoint): readonly Uint8Array[] {
  const codes = new Map(Object.entries(dataTypes).map(([code, dtype]) => [dtype, code]))
  let position = 0
  const header = Object.fromEntries(
    [...checkpoint].map(([name, { dtype, shape, bytes }]) => {
      const begin = position
      position += bytes.byteLength
      return [name, { dtype: codes.get(dtype), shape, data_offsets: [begin, position] }]
    }),
  )
  const json = new TextEncoder().encode(JSON.stringify(header))
  const padded = Math.ceil(json.byteLength / dataAlignmentBytes) * dataAlignmentBytes
  const start = new Uint8Array(lengthBytes + padded).fill(0x20) // the format pads with spaces
  new DataView(start.buffer).setBigUint64(0, BigInt(padded), true)
  start.set(json, lengthBytes)
  return [start, ...[...checkpoint.values()].map((tensor) => tensor.bytes)]
}

function readHeaderLength(bytes: Uint8Array): number {
  if (bytes.byteLength < lengthBytes) {
    throw corrupt(`it holds ${bytes.byteLength} bytes, fewer than its header's length takes`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getBigUint64(0, true)
  const available = bytes.byteLength - lengthBytes
  if (length > maxHeaderBytes || length > available) {
    throw corrupt(
      `its header claims ${length} bytes; the file holds ${available} and ${maxHeaderBytes} are allowed`,
    )
  }
  return Number(length)
}

function parseHeader(bytes: Uint8Array): object {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw corrupt(`its header is not JSON (${messageOf(error)})`)
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw corrupt('its header is not a JSON object')
  }
  return header
}

function readEntry(name: string, value: unknown): Entry {
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>
  if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw corrupt(`tensor ${name} lacks a shape or two data_offsets of whole numbers`)
  }
  const dtype = Object.hasOwn(dataTypes, String(code)) ? dataTypes[String(code)] : undefined
  if (dtype === undefined) {
    const known = Object.keys(dataTypes).join(', ')
    throw new ModelError(
      'unsupported',
      `safetensors: tensor ${name} has dtype ${JSON.stringify(code)}; known are ${known}`,
    )
  }
  const [begin = 0, end = 0] = offsets
  const needed = elementCount(shape) * elementSizeBytes[dtype]
  if (end - begin !== needed) {
    throw corrupt(
      `tensor ${name} of ${dtype} [${shape}] needs ${needed} bytes, its data_offsets span ${end - begin}`,
    )
  }
  return { name, dtype, shape, begin, end }
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

function corrupt(found: string): ModelError {
  return new ModelError('corrupt', `safetensors: ${found}`)
}
