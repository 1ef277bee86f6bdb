// Tells versions of a model apart by what its files hold.
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The parts of a SavedModel that say what it computes; a fingerprint or assets do not. */
const modelFile = 'saved_model.pb'
const variablesFolder = 'variables'

/** SHA-256 over names and contents of a SavedModel's files, and over `context`. */
export async function hashModel(folder: string, context: unknown): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(context))
  for (const name of await modelFiles(folder)) await hashFile(hash, folder, name)
  return hash.digest('hex')
}

async function modelFiles(folder: string): Promise<string[]> {
  const variables = await readdir(join(folder, variablesFolder)).catch(() => [])
  return [modelFile, ...variables.sort().map((name) => join(variablesFolder, name))]
}

async function hashFile(hash: Hash, folder: string, name: string): Promise<void> {
  let sizeBytes = 0
  hash.update(`\0${name}\0`)
  for await (const chunk of createReadStream(join(folder, name), { highWaterMark: 2 ** 20 })) {
    sizeBytes += chunk.length
    hash.update(chunk)
  }
  hash.update(`\0${sizeBytes}`)
}
