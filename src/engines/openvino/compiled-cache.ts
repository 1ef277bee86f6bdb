// Keeps compiled models on disk, for fast starts and so that the sessions of a model share its
// weights: OpenVINO maps them from the file. OpenVINO itself notices a damaged header but not
// damaged weights, so every kept file carries the CRC-32C of its content in its name and is checked
// before use. Nothing here may fail a load: whatever goes wrong, the model compiles without a cache.
import { createHash } from 'node:crypto'
import { copyFile, link, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { sumFile } from '../file-sum.ts'
import { removeAbandoned } from '../remove-abandoned.ts'

/** One process's use of the cache. */
export interface CompiledCache {
  /** For OpenVINO's CACHE_DIR; only this process writes there. */
  readonly folder: string
  /** Whether there was a compiled model in it. */
  readonly filled: boolean
  /** Keeps what OpenVINO wrote. */
  keep(): Promise<void>
  /** Leaves the cache; what OpenVINO has mapped stays mapped. */
  close(): Promise<void>
}

interface KeptFile {
  readonly path: string
  readonly checksum: string
  /** OpenVINO's name for it. */
  readonly blob: string
}

/** `<CRC-32C of the content>.<OpenVINO's name>`. */
const keptName = /^([0-9a-f]{8})\.(\d+\.blob)$/
const scratchPrefix = 'use-'

/**
 * @param cacheFolder `null`, or a folder that may be absent, read-only or damaged
 * @param parts all that the compiled form depends on, but for the content of the model, which
 * OpenVINO compares itself
 * @returns `null` where there is no usable cache
 */
export async function openCompiledCache(
  cacheFolder: string | null,
  parts: readonly string[],
): Promise<CompiledCache | null> {
  if (cacheFolder === null) return null
  const key = createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16)
  const folder = join(cacheFolder, `openvino-${key}`)
  try {
    await mkdir(folder, { recursive: true })
    const scratch = await mkdtemp(join(folder, scratchPrefix))
    // What cannot be lent is made again.
    await lendKept(folder, scratch).catch(() => {})
    return createCache(folder, scratch, await readdir(scratch))
  } catch {
    return null
  }
}

function createCache(folder: string, scratch: string, lent: readonly string[]): CompiledCache {
  return {
    folder: scratch,
    filled: lent.length > 0,
    async keep() {
      const written = (await readdir(scratch)).filter((name) => !lent.includes(name))
      if (written.length === 0) return
      // OpenVINO compiled although there was something: that was for an earlier content of the model.
      const stale = (await keptIn(folder)).filter(({ blob }) => lent.includes(blob))
      for (const { path } of stale) await rm(path, { force: true })
      for (const name of written) await publish(folder, scratch, name)
    },
    close: () => rm(scratch, { recursive: true, force: true }).catch(() => {}),
  }
}

/** Links the newest intact file into `scratch`, and clears away damaged, older and abandoned ones. */
async function lendKept(folder: string, scratch: string): Promise<void> {
  let lent = false
  for (const { path, checksum, blob } of await newestFirst(await keptIn(folder))) {
    // Sessions that started together may each have kept theirs, and OpenVINO's name depends on when
    // the model's file was written: only one can be of use.
    const wanted: boolean = !lent && (await checksumOf(path)) === checksum
    if (wanted) await share(path, join(scratch, blob))
    else await rm(path, { force: true })
    lent ||= wanted
  }
  await removeAbandoned(folder, scratchPrefix)
}

/** Makes `to` the same file as `from`. */
async function share(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch {
    // A file system without links: a copy serves, though sessions do not share its memory.
    await copyFile(from, to)
  }
}

async function newestFirst(kept: readonly KeptFile[]): Promise<KeptFile[]> {
  const dated = await Promise.all(
    kept.map(async (file) => ({ file, ms: await modifiedMs(file.path) })),
  )
  return dated.sort((a, b) => b.ms - a.ms).map(({ file }) => file)
}

async function keptIn(folder: string): Promise<KeptFile[]> {
  return (await readdir(folder)).flatMap((name) => {
    const [, checksum, blob] = keptName.exec(name) ?? []
    if (checksum === undefined || blob === undefined) return []
    return [{ path: join(folder, name), checksum, blob }]
  })
}

async function publish(folder: string, scratch: string, name: string): Promise<void> {
  const kept = join(folder, `${await checksumOf(join(scratch, name))}.${name}`)
  // Linked under a name of its own and then renamed: another session may do the same just now.
  const fresh = join(scratch, `${name}.kept`)
  await share(join(scratch, name), fresh)
  await rename(fresh, kept)
}

/** @returns infinity for what another session has just cleared away */
async function modifiedMs(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
}

async function checksumOf(path: string): Promise<string> {
  const { crc32c } = await sumFile(path)
  return crc32c.toString(16).padStart(8, '0')
}
