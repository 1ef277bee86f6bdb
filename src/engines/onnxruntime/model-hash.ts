// Tells versions of a model apart by what its files hold.
import { createHash, type Hash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openModelFile } from '../../savedmodel/model-folder.ts'

/** The parts of a SavedModel that say what it computes; a fingerprint or assets do not. */
const modelFile = 'saved_model.pb'
const variablesFolder = 'variables'

/** Read at a time: large enough that the hash, not the calls, takes the time. */
const chunkBytes = 2 ** 20

/**
 * SHA-256 over names and contents of a SavedModel's files, and over `context`.
 * @throws ModelError where a file is missing or leads outside the folder
 */
export async function hashModel(folder: string, context: unknown): Promise<string> {
  const hash = createHash('sha256')
  hash.update(JSON.stringify(context))
  for (const name of await modelFiles(folder)) await hashFile(hash, folder, name)
  return hash.digest('hex')
}

async function modelFiles(folder: string): Promise<string[]> {
  const variables = await readdir(join(folder, variablesFolder)).catch(() => [])
  return [modelFile, ...variables.sort().map((name) => `${variablesFolder}/${name}`)]
}

async function hashFile(hash: Hash, folder: string, name: string): Promise<void> {
  const file = await openModelFile(folder, name)
  try {
    hash.update(`\0${name}\0${file.sizeBytes}\0`)
    const chunk = new Uint8Array(Math.min(chunkBytes, file.sizeBytes)) // one for the whole file
    for (let offset = 0; offset < file.sizeBytes; offset += chunkBytes) {
      const part = chunk.subarray(0, Math.min(chunkBytes, file.sizeBytes - offset))
      await file.readInto(part, offset)
      hash.update(part)
    }
  } finally {
    await file.close()
  }
}
