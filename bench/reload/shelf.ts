// Copies of contents made ahead of time, so that they count as settled when they are moved into the
// repository: a rename does not touch the files that it moves.
import { cp, mkdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contents } from './contents.ts'
import { filesBelow } from './slow-copy.ts'

/** A little more than the time for which the service leaves new files alone. */
const settledMs = 2_200
/** Copies made ahead of each content. */
const ahead = 3

export interface Shelf {
  /** A settled copy of `content`, beside the repository and on the same disk. */
  take(content: number): Promise<string>
  /** The same with every file cut in half. */
  takeBroken(): Promise<string>
}

interface Copy {
  readonly folder: Promise<string>
  readonly madeAt: number
}

export function createShelf(root: string, { folders }: Contents): Shelf {
  let count = 0
  const copy = async (content: number, isBroken: boolean): Promise<string> => {
    const to = join(root, 'shelf', String(count++))
    await mkdir(join(root, 'shelf'), { recursive: true })
    await cp(folders[content] as string, to, { recursive: true })
    if (isBroken) for (const name of await filesBelow(to)) await truncate(join(to, name), halfBytes)
    return to
  }
  const queue = (content: number, isBroken = false) => {
    const make = (): Copy => ({ folder: copy(content, isBroken), madeAt: performance.now() })
    const copies = Array.from({ length: ahead }, make)
    return async () => {
      copies.push(make())
      const { folder, madeAt } = copies.shift() as Copy
      const path = await folder
      await sleep(Math.max(0, madeAt + settledMs - performance.now()))
      return path
    }
  }
  const shelves = folders.map((_, content) => queue(content))
  const broken = queue(0, true)
  return {
    take: async (content) => (await shelves[content]?.()) as string,
    takeBroken: broken,
  }
}

/** Less than any file of a model has. */
const halfBytes = 1000
