// Converted models on disk. An entry is a folder named by what it was made from:
//   <key>/model.onnx   the graph     <key>/weights.bin   its constants, which the runtime maps
//   <key>/entry.json   facts about the model, and size and CRC32C of the other two
// It appears by one rename, so it is there whole or not at all; what is damaged later fails its
// checksum and is made again, under the eyes of services that share the folder.
import { randomUUID } from 'node:crypto'
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import type { Conversion } from '../../onnx/convert.ts'
import { type FileSum, sumFile } from '../file-sum.ts'
import { removeAbandoned } from '../remove-abandoned.ts'
import type { ConvertedModel, ModelFacts } from './model-source.ts'

const modelName = 'model.onnx'
const weightsName = 'weights.bin'
const entryName = 'entry.json'

interface Entry {
  readonly facts: ModelFacts
  readonly files: Readonly<Record<typeof modelName | typeof weightsName, FileSum>>
}

/** The entry under `key`, or null where there is none that is whole. */
export async function readEntry(cacheFolder: string, key: string): Promise<ConvertedModel | null> {
  const folder = join(cacheFolder, key)
  try {
    const entry: Entry = JSON.parse(await readFile(join(folder, entryName), 'utf8'))
    for (const name of [modelName, weightsName] as const) {
      if (!(await matches(join(folder, name), entry.files[name]))) return null
    }
    return { source: join(folder, modelName), facts: entry.facts }
  } catch {
    // Missing or torn: either way it is made again.
    return null
  }
}

/** Writes an entry. @throws where the folder cannot be written */
export async function writeEntry(
  cacheFolder: string,
  key: string,
  { onnx, ...facts }: Conversion,
): Promise<ConvertedModel> {
  const target = join(cacheFolder, key)
  const draft = join(cacheFolder, `.${key}.${randomUUID()}`)
  await mkdir(draft, { recursive: true })
  // Sessions that die in the middle of a conversion, again and again, must not fill the disk.
  await removeAbandoned(cacheFolder, '.')
  try {
    const { encodeSplitModel } = await import('../../onnx/encode.ts')
    const { bytes, weights } = encodeSplitModel(onnx, weightsName)
    await writeFile(join(draft, modelName), bytes)
    await writePieces(join(draft, weightsName), weights)
    const files = {
      [modelName]: await sumFile(join(draft, modelName)),
      [weightsName]: await sumFile(join(draft, weightsName)),
    }
    await writeFile(join(draft, entryName), JSON.stringify({ facts, files } satisfies Entry))
    await place(draft, target)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return { source: join(target, modelName), facts }
}

async function writePieces(
  path: string,
  pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const { offset, bytes } of pieces) await writeAll(file, bytes, offset)
  } finally {
    await file.close()
  }
}

/** A disk that is nearly full takes a part of what it is given, and says so in the number of bytes alone. */
async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}

/**
 * A folder cannot be renamed over another: a damaged one, or one that a neighbour has just written
 * and that its session opens now. So files take the place of files, each at once; none is ever
 * missing, and what is open stays. Between neighbours they are equal: the key says what is in them.
 */
async function place(draft: string, target: string): Promise<void> {
  try {
    await rename(draft, target)
  } catch {
    await mkdir(target, { recursive: true })
    // The entry last: it vouches for the other two.
    for (const name of [weightsName, modelName, entryName]) {
      await rename(join(draft, name), join(target, name))
    }
  }
}

async function matches(path: string, expected: FileSum): Promise<boolean> {
  const { size } = await stat(path)
  return size === expected.sizeBytes && (await sumFile(path)).crc32c === expected.crc32c
}
