// What a version's folder holds, told apart by names, sizes and times: cheap enough for every poll,
// and for a session process to make sure that it loads what the service means.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The parts of a SavedModel that decide its answers. A .pbtxt counts: loading it says why not. */
const graphFile = /^saved_model\.pb(txt)?$/
const variablesFolder = 'variables'

export interface FoundFiles {
  /** Names, sizes and times of modification: equal on every machine that has a faithful copy. */
  readonly portable: string
  /**
   * The same with what else tells one file from another here: archives that set every time to the
   * same second make files that differ in nothing else.
   */
  readonly exact: string
  /**
   * When a file was last written, milliseconds since 1970: the time of the inode's change, since
   * many tools that copy set the time of modification to that of the source.
   */
  readonly writtenMs: number
}

/** The files of a version, links followed; `null` where it holds no SavedModel (yet). */
export async function listFiles(folder: string): Promise<FoundFiles | null> {
  const names = await listed(folder)
  const variables = await listed(join(folder, variablesFolder))
  if (!names.some((name) => graphFile.test(name))) return null
  const files = [
    ...names.filter((name) => graphFile.test(name)),
    ...variables.map((name) => `${variablesFolder}/${name}`),
  ].sort()
  // One after another: of a file server that hangs each would hold a thread, and images are decoded on
  // the same ones.
  const found: FoundFiles[] = []
  for (const name of files) found.push(await factsOf(folder, name))
  return {
    portable: found.map(({ portable }) => portable).join('\n'),
    exact: found.map(({ exact }) => exact).join('\n'),
    writtenMs: Math.max(...found.map(({ writtenMs }) => writtenMs)),
  }
}

/** Nothing, where there is no such folder. @throws Error where that cannot be found out */
async function listed(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code ?? '')) return []
    throw error
  })
}

async function factsOf(folder: string, name: string): Promise<FoundFiles> {
  const facts = await stat(join(folder, name)).catch(() => null)
  if (facts === null) return { portable: `${name} ?`, exact: `${name} ?`, writtenMs: 0 }
  const { size, mtimeMs, ctimeMs, ino } = facts
  const portable = `${name} ${size} ${mtimeMs}`
  return { portable, exact: `${portable} ${ctimeMs} ${ino}`, writtenMs: ctimeMs }
}
