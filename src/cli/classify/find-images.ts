// The files that `classify` was given: files as they are, folders as the pictures in them.
import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../../errors.ts'

/** What pictures in a folder end with; a file that is named outright may be called anything. */
const pictureName = /\.(jpe?g|jpe|png|webp|gif|avif|tiff?)$/i

/**
 * Files in the order given, those of folders by name.
 * @throws UsageError where a folder holds no picture
 */
export async function findImages(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(paths.map(imagesAt))
  return found.flat()
}

async function imagesAt(path: string): Promise<readonly string[]> {
  // What cannot be looked at is a result of its own: the other files are classified all the same.
  const entry = await stat(path).catch(() => null)
  if (entry === null || !entry.isDirectory()) return [path]
  const pictures = await picturesIn(path)
  if (pictures.length === 0) {
    throw new UsageError(`the folder ${path} holds no picture (.jpg, .png, .webp, .gif, …)`)
  }
  return pictures.toSorted()
}

/** Links to files are followed, those to folders are not: they may lead back to where they are. */
async function picturesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return await picturesIn(path)
      return pictureName.test(path) && (await isFile(entry, path)) ? [path] : []
    }),
  )
  return found.flat()
}

/** Not a pipe or a device, which might never end. */
async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return await stat(path).then(
    (target) => target.isFile(),
    () => true, // a link to nothing gets a row that says so
  )
}
