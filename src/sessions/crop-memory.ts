// How the crops of a batch reach a session process: through a file in memory that has no name and that
// both hold open. A pipe takes about 200 KB at once, so a batch would go through it in turns of writing
// and reading, and on busy cores each turn waits for the scheduler while the session has nothing to do.
import { randomUUID } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
  unlinkSync,
  writevSync,
} from 'node:fs'
import { join } from 'node:path'

/** Where Linux has a file system in memory for this purpose (shm_open(3)). */
const sharedMemoryFolder = '/dev/shm'
/** What statfs(2) calls a file system in memory (TMPFS_MAGIC). */
const inMemory = 0x01021994

/**
 * Where a session process finds its side: after the pipe. Session processes that were given none get
 * crops through the pipe, as on systems without such a folder.
 */
export const cropMemoryDescriptor = 4

/** Larger batches, as of tensors for a GPU, would keep this process's thread for milliseconds. */
const largestBytes = 8 * 2 ** 20

/** One batch at a time: what is written stays until the next is. */
export interface CropMemory {
  /** To be handed to the session process as `cropMemoryDescriptor`. */
  readonly descriptor: number
  /** Answers whether the crops are there; where they are not, the pipe is the way. */
  write(crops: readonly Uint8Array[]): boolean
  close(): void
}

/** Nothing where this system has no such memory. */
export function openCropMemory(): CropMemory | undefined {
  return isInMemory(sharedMemoryFolder) ? openCropMemoryIn(sharedMemoryFolder) : undefined
}

/** Nothing where the folder takes no file. */
export function openCropMemoryIn(folder: string): CropMemory | undefined {
  const descriptor = openNameless(folder)
  return descriptor === undefined ? undefined : createCropMemory(descriptor)
}

/** @param descriptor of an open file, which becomes the memory's to close */
export function createCropMemory(descriptor: number): CropMemory {
  let isUsable = true
  return {
    descriptor,
    write(crops) {
      const bytes = crops.reduce((sum, { byteLength }) => sum + byteLength, 0)
      if (!isUsable || bytes > largestBytes) return false
      isUsable = writeAll(descriptor, crops, bytes)
      return isUsable
    },
    close() {
      isUsable = false
      closeSync(descriptor)
    },
  }
}

/** The session's side. @throws Error when fewer bytes are there */
export function readCropMemory(pixels: Uint8Array): void {
  const read = readSync(cropMemoryDescriptor, pixels, 0, pixels.byteLength, 0)
  if (read !== pixels.byteLength) {
    throw new Error(`${read} of ${pixels.byteLength} bytes of crops are in the shared memory`)
  }
}

function isInMemory(folder: string): boolean {
  try {
    return statfsSync(folder).type === inMemory // on a disk each batch would be written to it
  } catch {
    return false
  }
}

function openNameless(folder: string): number | undefined {
  const path = join(folder, `resnet-serving-${randomUUID()}`)
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'wx+', 0o600)
    unlinkSync(path) // nobody else can open it, and it is gone with the last process that holds it
    return descriptor
  } catch {
    if (descriptor !== undefined) closeSync(descriptor)
    return undefined
  }
}

/** A folder without room (64 MB in a container) ends the use of this memory, not the batch. */
function writeAll(descriptor: number, crops: readonly Uint8Array[], bytes: number): boolean {
  try {
    if (writevSync(descriptor, crops, 0) === bytes) return true
    ftruncateSync(descriptor) // others may need the room that there was
  } catch {
    // told by the answer
  }
  return false
}
