// What a protobuf message would cost to decode, found by walking its bytes without keeping anything:
// 2 bytes of file can become an object of half a kilobyte, so a hostile file is refused beforehand.
// Wire format: https://protobuf.dev/programming-guides/encoding/
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

// Estimates for V8, rounded up.
const messageBytes = 512 // an object, its empty lists and maps
const mapEntryBytes = 128
const viewBytes = 160 // a Uint8Array over the file
const stringBytes = 48 // and two a character
const numberBytes = 8
const bigIntBytes = 32
/** Fields that the schema lacks are dropped; charging for them bounds the time of walking. */
const unknownFieldBytes = 16

const lengthDelimited = WireType.LengthDelimited

export interface CostLimits {
  readonly bytes: number
  readonly depth: number
}

interface Walk {
  readonly reader: BinaryReader
  readonly limits: CostLimits
  cost: number
}

/**
 * The estimated memory, in bytes, of decoding `bytes` as `schema`.
 * @throws RangeError where that exceeds the limits, or a structure is broken
 */
export function messageCost(schema: DescMessage, bytes: Uint8Array, limits: CostLimits): number {
  const walk: Walk = { reader: new BinaryReader(bytes), limits, cost: 0 }
  walkMessage(walk, schema, { end: bytes.length, depth: 1 })
  return walk.cost
}

interface Span {
  readonly end: number
  readonly depth: number
}

function walkMessage(walk: Walk, schema: DescMessage, span: Span): void {
  const { reader, limits } = walk
  if (span.depth > limits.depth) {
    throw new RangeError(`messages nest deeper than the allowed ${limits.depth}`)
  }
  charge(walk, messageBytes)
  const fields = fieldsByNumber(schema)
  while (reader.pos < span.end) {
    const [number, wireType] = reader.tag()
    const field = fields.get(number)
    if (field === undefined) {
      charge(walk, unknownFieldBytes)
      reader.skip(wireType, number, limits.depth)
    } else {
      walkField(walk, field, wireType, span)
    }
  }
  if (reader.pos !== span.end) {
    throw new RangeError(`${schema.name} runs past its end at byte ${span.end}`)
  }
}

function walkField(walk: Walk, field: DescField, wireType: WireType, span: Span): void {
  const { reader } = walk
  checkWireType(field, wireType)
  if (wireType !== lengthDelimited) {
    charge(walk, bigIntBytes)
    reader.skip(wireType)
    return
  }
  const length = reader.uint32()
  const inner = { end: reader.pos + length, depth: span.depth + 1 }
  if (inner.end > span.end) {
    throw new RangeError(`${field} claims ${length} bytes, ${span.end - reader.pos} are left`)
  }
  if (field.message !== undefined && field.fieldKind !== 'map') {
    walkMessage(walk, field.message, inner)
  } else if (field.fieldKind === 'map') {
    walkMapEntry(walk, field, inner)
  } else {
    charge(walk, lengthDelimitedCost(field.scalar, length))
    reader.pos = inner.end
  }
}

/** The decoder believes the schema, not the tag; where they differ it would read other bytes than this walk. */
function checkWireType(field: DescField, found: WireType): void {
  const expected = field.fieldKind === 'map' ? lengthDelimited : scalarWireType(field.scalar)
  const packed = field.fieldKind === 'list' && found === lengthDelimited
  if (found !== expected && !packed) {
    throw new RangeError(`${field} has wire type ${found}, its type needs ${expected}`)
  }
}

function scalarWireType(scalar: ScalarType | undefined): WireType {
  switch (scalar) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
    case undefined:
      return lengthDelimited
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
      return WireType.Bit32
    case ScalarType.DOUBLE:
      return WireType.Bit64
    default:
      return WireType.Varint
  }
}

/** A map entry is a message of two fields: 1 is the key, 2 the value. */
function walkMapEntry(walk: Walk, field: DescField & { fieldKind: 'map' }, span: Span): void {
  const { reader } = walk
  charge(walk, mapEntryBytes)
  while (reader.pos < span.end) {
    const [number, wireType] = reader.tag()
    if (wireType !== lengthDelimited) {
      throw new RangeError(`an entry of ${field} holds neither text nor a message`)
    }
    const length = reader.uint32()
    const end = reader.pos + length
    if (end > span.end) {
      throw new RangeError(`an entry of ${field} runs past its end`)
    }
    if (number === 2 && field.message !== undefined) {
      walkMessage(walk, field.message, { end, depth: span.depth + 1 })
    } else {
      charge(walk, lengthDelimitedCost(ScalarType.STRING, length))
      reader.pos = end
    }
  }
}

function lengthDelimitedCost(scalar: ScalarType | undefined, length: number): number {
  switch (scalar) {
    case ScalarType.BYTES:
      return viewBytes
    case ScalarType.STRING:
      return stringBytes + 2 * length
    case ScalarType.FLOAT: // packed: four bytes an element
      return (length / 4) * numberBytes
    case ScalarType.DOUBLE:
      return length
    case ScalarType.INT64: // packed varints: one byte an element at least
    case ScalarType.UINT64:
      return length * bigIntBytes
    default:
      return length * numberBytes
  }
}

function charge(walk: Walk, bytes: number): void {
  walk.cost += bytes
  if (walk.cost > walk.limits.bytes) {
    throw new RangeError(
      `its messages would take more than the allowed ${walk.limits.bytes} bytes of memory`,
    )
  }
}

const fieldMaps = new WeakMap<DescMessage, Map<number, DescField>>()

function fieldsByNumber(schema: DescMessage): Map<number, DescField> {
  let fields = fieldMaps.get(schema)
  if (fields === undefined) {
    fields = new Map(schema.fields.map((field) => [field.number, field]))
    fieldMaps.set(schema, fields)
  }
  return fields
}
