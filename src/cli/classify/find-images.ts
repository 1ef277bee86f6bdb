// The files that `classify` was given: files as they are, folders as the pictures in them.
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
  const names = (await readdir(path, { recursive: true }))
    .filter((name) => pictureName.test(name))
    .sort()
  if (names.length === 0) {
    throw new UsageError(`the folder ${path} holds no picture (.jpg, .png, .webp, .gif, …)`)
  }
  return names.map((name) => join(path, name))
}
