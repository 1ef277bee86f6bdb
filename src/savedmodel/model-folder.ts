// The only door to a model's files: nothing outside the model's folder is ever opened, not even
// through a symbolic link inside it, and every failure says which file it is about.
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { ModelError, messageOf } from '../errors.ts'

/** A file of a model, open for reading. */
export interface ModelFile {
  /** Relative to the model's folder, for messages. */
  readonly name: string
  readonly sizeBytes: number
  /** @throws ModelError `corrupt` where the file ends before */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Fills `bytes` from `offset` on. @throws as `read` */
  readInto(bytes: Uint8Array, offset: number): Promise<void>
  close(): Promise<void>
}

/**
 * Opens `name` (relative, with forward slashes) in the model's folder.
 * @throws ModelError `missing` where it is not there, `corrupt` where it leads outside or is no file
 */
export async function openModelFile(folder: string, name: string): Promise<ModelFile> {
  const path = await pathInside(folder, name)
  try {
    const stats = await stat(path)
    if (stats.isFile()) {
      return modelFile(await open(path, 'r'), name, stats.size)
    }
  } catch (error) {
    throw unreadable(folder, name, error)
  }
  // Not opened: opening a pipe waits for somebody to write.
  throw new ModelError('corrupt', `${join(folder, name)} is not a regular file`)
}

/** All of a file that may have at most `maxBytes`. */
export async function readModelFile(
  folder: string,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const file = await openModelFile(folder, name)
  try {
    if (file.sizeBytes > maxBytes) {
      throw new ModelError(
        'unsupported',
        `${join(folder, name)} has ${file.sizeBytes} bytes, at most ${maxBytes} are allowed`,
      )
    }
    return await file.read(0, file.sizeBytes)
  } finally {
    await file.close()
  }
}

async function pathInside(folder: string, name: string): Promise<string> {
  const [root, path] = await Promise.all([resolved(folder, '.'), resolved(folder, name)])
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new ModelError('corrupt', `${join(folder, name)} leads outside the model's folder`)
  }
  return path
}

async function resolved(folder: string, name: string): Promise<string> {
  try {
    return await realpath(join(folder, name))
  } catch (error) {
    throw unreadable(folder, name, error)
  }
}

function unreadable(folder: string, name: string, cause: unknown): ModelError {
  const code = (cause as NodeJS.ErrnoException).code
  const said = code === 'ENOENT' || code === 'ENOTDIR' ? 'is not there' : 'cannot be read'
  const detail = said === 'is not there' ? '' : ` (${messageOf(cause)})`
  return new ModelError('missing', `${join(folder, name)} ${said}${detail}`, { cause })
}

function modelFile(handle: FileHandle, name: string, sizeBytes: number): ModelFile {
  async function readInto(bytes: Uint8Array, offset: number): Promise<void> {
    let done = 0
    while (done < bytes.length) {
      const part = Math.min(bytes.length - done, maxReadBytes)
      const { bytesRead } = await handle.read(bytes, done, part, offset + done)
      if (bytesRead === 0) {
        throw new ModelError('corrupt', `${name} became shorter while it was read`)
      }
      done += bytesRead
    }
  }

  return {
    name,
    sizeBytes,
    close: () => handle.close(),
    readInto,
    async read(offset, length) {
      if (offset + length > sizeBytes) {
        throw new ModelError(
          'corrupt',
          `${name}: bytes ${offset} to ${offset + length} are needed, the file has ${sizeBytes}`,
        )
      }
      // A buffer of its own: a slice of Node's shared pool could be unaligned for float32 views.
      const bytes = new Uint8Array(length)
      await readInto(bytes, offset)
      return bytes
    },
  }
}

/** One system call reads at most this much: Linux stops at 2 GiB - 4 KiB. */
const maxReadBytes = 2 ** 30
