// Copies as `cp` over a slow link does: in place, a piece at a time.
import { mkdir, open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Each file is written in so many pieces, with a rest after each. */
const pieces = 6
const restMs = 25

export async function copySlowly(from: string, to: string): Promise<void> {
  for (const name of await filesBelow(from)) {
    await writeSlowly(await readFile(join(from, name)), join(to, name))
  }
}

/** Paths below `folder` of its files. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true })
  const isFile = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name))).isFile()),
  )
  return names.filter((_, index) => isFile[index])
}

async function writeSlowly(content: Uint8Array, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const file = await open(to, 'w')
  const pieceBytes = Math.ceil(content.length / pieces)
  for (let at = 0; at < content.length; at += pieceBytes) {
    await file.write(content, at, Math.min(pieceBytes, content.length - at))
    await sleep(restMs)
  }
  await file.close()
}
