// Takes chosen files out of a wheel (a zip archive) into a folder, and nothing anywhere else.
// https://packaging.python.org/en/latest/specifications/binary-distribution-format/
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Entry, openPromise, type ZipFile } from 'yauzl'
import { messageOf, UsageError } from '../../errors.ts'

export interface UnpackedFile {
  /** Relative to the target folder, with `/`. */
  readonly path: string
  readonly sizeBytes: number
  readonly sha256: string
}

/** Where an archive's file goes, relative to the target folder; `null` leaves it out. */
export type Select = (archivePath: string) => string | null

/** Far above any engine's libraries (TensorFlow's GPU build is 1.5 GB); stops an archive bomb. */
const maxTotalBytes = 6 * 1024 ** 3

/**
 * Unpacks what `select` wants of the wheel at `path` into `folder`, which must exist.
 * @throws UsageError for an archive that is damaged, or that names paths outside the folder
 */
export async function unpackWheel(
  path: string,
  folder: string,
  select: Select,
): Promise<UnpackedFile[]> {
  try {
    return await unpack(path, folder, select)
  } catch (error) {
    throw new UsageError(`${path} cannot be unpacked: ${messageOf(error)}`, { cause: error })
  }
}

async function unpack(path: string, folder: string, select: Select): Promise<UnpackedFile[]> {
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false })
  try {
    const files: UnpackedFile[] = []
    let totalBytes = 0
    for await (const entry of archive.eachEntry()) {
      const wanted = entry.fileName.endsWith('/') ? null : select(entry.fileName)
      if (wanted === null) continue
      totalBytes += entry.uncompressedSize
      if (totalBytes > maxTotalBytes) {
        throw new Error(`it unpacks to more than ${maxTotalBytes} bytes`)
      }
      files.push({ path: wanted, ...(await extract(archive, entry, inside(folder, wanted))) })
    }
    return files
  } finally {
    archive.close()
  }
}

/** yauzl refuses `..` and absolute paths in the archive; this also holds `select` to the folder. */
function inside(folder: string, path: string): string {
  const target = resolve(folder, path)
  if (!target.startsWith(resolve(folder) + sep)) {
    throw new Error(`"${path}" would be written outside ${folder}`)
  }
  return target
}

async function extract(archive: ZipFile, entry: Entry, target: string) {
  await mkdir(dirname(target), { recursive: true })
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  // yauzl ends the stream with an error if the size is not the one announced.
  const content = await archive.openReadStreamPromise(entry)
  // 'wx': an archive that names a file twice must not replace the first.
  await pipeline(content, hashing, createWriteStream(target, { flags: 'wx' }))
  return { sizeBytes: entry.uncompressedSize, sha256: hash.digest('hex') }
}
