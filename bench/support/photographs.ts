// JPEG photographs to send: those of ../shared/images where they are, else ones made here.
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { madePhotographs } from '../../src/imaging/made-photographs.ts'

const folder = '../shared/images'

export async function photographs(): Promise<readonly Uint8Array[]> {
  const files = await photographFiles()
  return files.length === 0
    ? await madePhotographs()
    : await Promise.all(files.map((file) => readFile(file)))
}

/** Paths of the photographs in ../shared/images; none where that is absent. */
export async function photographFiles(): Promise<readonly string[]> {
  if (!existsSync(folder)) return []
  const names = (await readdir(folder)).filter((name) => /\.jpe?g$/i.test(name))
  return names.sort().map((name) => resolve(folder, name))
}
