// What processes that were killed left in a folder under names of their own.
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** No load, conversion or build takes this long: what is older belongs to nobody any more. */
const abandonedMs = 3_600_000

/** Removes entries whose names begin with `prefix`, once they are old. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const path of names.map((name) => join(folder, name))) {
    // Infinity for what somebody else has just cleared away.
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs > abandonedMs) await rm(path, { recursive: true, force: true })
  }
}
