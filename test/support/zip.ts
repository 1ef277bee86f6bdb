// Writes small zip archives for tests, well-formed or not: entries are stored, names taken as given.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
import { crc32 } from '@node-rs/crc32'

export interface ZipEntry {
  readonly name: string
  readonly content: Uint8Array
}

const localSignature = 0x04034b50
const centralSignature = 0x02014b50
const endSignature = 0x06054b50
const version = 20

/** A zip archive of these entries, in this order. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const entry of entries) {
    const local = Buffer.concat([
      header(localSignature, entry),
      Buffer.from(entry.name),
      entry.content,
    ])
    centrals.push(Buffer.concat([central(entry, offset), Buffer.from(entry.name)]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  return Buffer.concat([...locals, directory, end(entries.length, directory.length, offset)])
}

/** The fields that the local header and the central one share, after signature and versions. */
function common(entry: ZipEntry): Buffer {
  const fields = Buffer.alloc(22)
  // flags, method (0: stored), time and date stay 0
  fields.writeUInt32LE(crc32(entry.content), 8)
  fields.writeUInt32LE(entry.content.length, 12)
  fields.writeUInt32LE(entry.content.length, 16)
  fields.writeUInt16LE(Buffer.byteLength(entry.name), 20)
  return fields
}

function header(signature: number, entry: ZipEntry): Buffer {
  const start = Buffer.alloc(6)
  start.writeUInt32LE(signature, 0)
  start.writeUInt16LE(version, 4)
  return Buffer.concat([start, common(entry), Buffer.alloc(2)]) // no extra field
}

function central(entry: ZipEntry, offset: number): Buffer {
  const start = Buffer.alloc(8)
  start.writeUInt32LE(centralSignature, 0)
  start.writeUInt16LE(version, 4)
  start.writeUInt16LE(version, 6)
  const rest = Buffer.alloc(16) // extra, comment, disk, attributes: none
  rest.writeUInt32LE(offset, 12)
  return Buffer.concat([start, common(entry), rest])
}

function end(count: number, sizeBytes: number, offset: number): Buffer {
  const record = Buffer.alloc(22)
  record.writeUInt32LE(endSignature, 0)
  record.writeUInt16LE(count, 8)
  record.writeUInt16LE(count, 10)
  record.writeUInt32LE(sizeBytes, 12)
  record.writeUInt32LE(offset, 16)
  return record
}
