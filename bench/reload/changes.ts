// What is done to the folder of a served model, each as some operator's tool does it.
import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Serving } from './ledger.ts'
import type { Shelf } from './shelf.ts'
import { copySlowly, filesBelow } from './slow-copy.ts'

export interface Ground {
  /** The model's folder in the repository. */
  readonly folder: string
  readonly shelf: Shelf
  /** Folder of a content's files. */
  readonly original: (content: number) => string
  /** What serves now. */
  readonly present: Serving
  /** The version below, where there is one. */
  readonly before: Serving | undefined
  /** A content that no version has. */
  readonly fresh: number
  /** Makes the service look, unless it does so by itself. */
  readonly nudge: () => void
}

export interface Change {
  readonly name: string
  /** What serves afterwards. */
  readonly leadsTo: (ground: Ground) => Serving
  readonly make: (ground: Ground, next: Serving) => Promise<void>
  /** It is refused: what serves goes on serving, and this version is reported as failed. */
  readonly isRefused?: boolean
  /** The folder of what served is gone afterwards. */
  readonly removesServed?: boolean
}

const nextVersion = ({ present, fresh }: Ground): Serving => ({
  version: present.version + 1,
  content: fresh,
})
const sameVersion = ({ present, fresh }: Ground): Serving => ({ ...present, content: fresh })

const at = ({ folder }: Ground, { version }: Serving) => join(folder, String(version))

/** Long enough for the service to look while a slow copy goes on. */
const midwayMs = 150

async function copyIn(ground: Ground, next: Serving): Promise<void> {
  const copied = copySlowly(ground.original(next.content), at(ground, next))
  await sleep(midwayMs)
  ground.nudge()
  await copied
  ground.nudge()
}

const renamedIn: Change = {
  name: 'a new version appears by rename',
  leadsTo: nextVersion,
  async make(ground, next) {
    await rename(await ground.shelf.take(next.content), at(ground, next))
    ground.nudge()
  },
}

const copiedIn: Change = {
  name: 'a new version is copied in place, slowly',
  leadsTo: nextVersion,
  make: copyIn,
}

const overwritten: Change = {
  name: 'the files of the served version are overwritten in place, slowly',
  leadsTo: sameVersion,
  make: copyIn,
}

const replacedFileByFile: Change = {
  name: 'the files of the served version are replaced one by one by rename, as rsync does',
  leadsTo: sameVersion,
  async make(ground, next) {
    const from = await ground.shelf.take(next.content)
    for (const name of await filesBelow(from)) {
      await mkdir(dirname(join(at(ground, next), name)), { recursive: true })
      await rename(join(from, name), join(at(ground, next), name))
      ground.nudge()
      await sleep(midwayMs)
    }
    ground.nudge()
  },
}

const linkedIn: Change = {
  name: 'a new version appears as a symbolic link',
  leadsTo: nextVersion,
  async make(ground, next) {
    await symlink(await ground.shelf.take(next.content), at(ground, next))
    ground.nudge()
  },
}

const linkMoved: Change = {
  name: 'the link of the served version is moved to other content',
  leadsTo: sameVersion,
  async make(ground, next) {
    const draft = join(ground.folder, '.link')
    await symlink(await ground.shelf.take(next.content), draft)
    await rename(draft, at(ground, next))
    ground.nudge()
  },
}

const removed: Change = {
  name: 'the served version is removed; the one below it takes over',
  leadsTo: ({ before, present }) => before ?? present,
  removesServed: true,
  async make(ground) {
    await rm(at(ground, ground.present), { recursive: true })
    ground.nudge()
  },
}

const replacedAtOnce: Change = {
  name: 'a new version appears and the folder of the served one is removed at the same time',
  leadsTo: nextVersion,
  removesServed: true,
  async make(ground, next) {
    await rename(await ground.shelf.take(next.content), at(ground, next))
    await rm(at(ground, ground.present), { recursive: true })
    ground.nudge()
  },
}

const brokenIn: Change = {
  name: 'a new version appears whose files are cut off: refused',
  leadsTo: ({ present }) => present,
  isRefused: true,
  async make(ground) {
    const broken = at(ground, { ...ground.present, version: ground.present.version + 1 })
    await rename(await ground.shelf.takeBroken(), broken)
    ground.nudge()
  },
}

/** One round; those that wait for the service's settling time are one in five. */
export const changes: readonly Change[] = [
  ...[renamedIn, linkedIn, linkMoved, copiedIn, removed],
  ...[renamedIn, brokenIn, replacedAtOnce, overwritten, renamedIn],
  ...[linkedIn, removed, renamedIn, replacedFileByFile, replacedAtOnce],
]
