// One server, changes to its repository one after the other, and clients whose answers are checked.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isAnswerOf, type LoadFigure, startLoad } from '../../test/support/checked-load.ts'
import type { KnownImage } from '../../test/support/known-images.ts'
import { type LogLine, type ServedProcess, startServed } from '../../test/support/served-process.ts'
import { type Change, changes, type Ground } from './changes.ts'
import type { Contents } from './contents.ts'
import { createLedger, type Serving } from './ledger.ts'
import type { Shelf } from './shelf.ts'

export type Way = 'SIGHUP' | 'poll'

export interface DriveOptions {
  readonly way: Way
  /** Position in the round of changes, and how many to make. */
  readonly first: number
  readonly count: number
  readonly repository: string
  readonly contents: Contents
  readonly shelf: Shelf
  readonly otherImages: readonly KnownImage[]
  /** Milliseconds without a change after each one, to compare with. */
  readonly calmMs: number
  readonly done: (change: Change, ms: number) => void
}

export interface Drive {
  readonly changed: LoadFigure
  readonly other: LoadFigure
  /** What was wrong with the wrong answers. */
  readonly wrong: readonly string[]
  /** Requests to the other model; in `performance.now()` milliseconds. */
  readonly samples: readonly Sample[]
  readonly log: readonly LogLine[]
  readonly exitCode: number | string
}

export interface Sample {
  readonly startedAt: number
  readonly endedAt: number
}

export const changedModel = 'changed'
export const otherModel = 'other'
/** Content of version 1, with which a drive begins. */
export const firstServing: Serving = { version: 1, content: 0 }

const pollMs = 200
const clients = 3
/** A client's pause: the two models together keep the machine at work but not full. */
const restMs = 40
/** A reload that takes longer than this is one that never happens. */
const patienceMs = 60_000
/** Versions left in the folder, the served one among them. */
const keptVersions = 3

export async function drive(options: DriveOptions): Promise<Drive> {
  const { way, repository, contents, otherImages } = options
  const environment = { MODEL_POLL_MS: way === 'poll' ? String(pollMs) : '0' }
  const server = await startServed({ repository, environment })
  const { origin } = server
  const ledger = createLedger(contents, firstServing)
  const samples: Sample[] = []
  const changing = startLoad({
    ...{ origin, clients, restMs, model: changedModel, isRight: ledger.isRight },
    images: contents.images[0] ?? [],
  })
  const other = startLoad({
    ...{ origin, clients, restMs, model: otherModel, images: otherImages },
    isRight(answer, image, startedAt) {
      samples.push({ startedAt, endedAt: performance.now() })
      return isAnswerOf(answer, image)
    },
  })
  await makeChanges(server, ledger, options)
  return {
    changed: await changing.stop(),
    other: await other.stop(),
    wrong: ledger.wrong,
    samples,
    log: server.log,
    exitCode: await server.stop(),
  }
}

type Ledger = ReturnType<typeof createLedger>

async function makeChanges(server: ServedProcess, ledger: Ledger, options: DriveOptions) {
  const { contents, shelf, first, count, way, calmMs, done } = options
  const folder = join(options.repository, changedModel)
  const contentOf = new Map([[firstServing.version, firstServing.content]])
  await mkdir(folder, { recursive: true })
  for (let index = first; index < first + count; index++) {
    await sleep(calmMs)
    const change = changes[index % changes.length] as Change
    const [version = 0, below] = numbers(contentOf)
    const present = { version, content: contentOf.get(version) as number }
    const ground: Ground = {
      ...{ folder, shelf, present, before: servingOf(contentOf, below) },
      original: (content) => contents.folders[content] as string,
      fresh: freshContent(contentOf, contents.folders.length, index),
      nudge: () => void (way === 'SIGHUP' && server.process.kill('SIGHUP')),
    }
    const startedAt = performance.now()
    await makeOne(server, { change, ground, ledger, contentOf })
    done(change, performance.now() - startedAt)
    for (const old of numbers(contentOf).slice(keptVersions)) {
      contentOf.delete(old)
      await rm(join(folder, String(old)), { recursive: true })
    }
  }
  await sleep(calmMs)
}

interface Step {
  readonly change: Change
  readonly ground: Ground
  readonly ledger: Ledger
  readonly contentOf: Map<number, number>
}

async function makeOne(server: ServedProcess, { change, ground, ledger, contentOf }: Step) {
  const { present, folder } = ground
  const next = change.leadsTo(ground)
  if (change.isRefused) {
    await change.make(ground, next)
    await untilFailed(server, present.version + 1)
    await rm(join(folder, String(present.version + 1)), { recursive: true })
    return
  }
  ledger.expect(next)
  const seen = ledger.seen(patienceMs)
  await Promise.all([seen, change.make(ground, next)])
  contentOf.set(next.version, next.content)
  if (change.removesServed) contentOf.delete(present.version)
}

function numbers(contentOf: ReadonlyMap<number, number>): readonly number[] {
  return [...contentOf.keys()].sort((a, b) => b - a)
}

function servingOf(contentOf: ReadonlyMap<number, number>, version = 0): Serving | undefined {
  const content = contentOf.get(version)
  return content === undefined ? undefined : { version, content }
}

/** A content that no version in the folder has; another one each time. */
function freshContent(contentOf: ReadonlyMap<number, number>, count: number, turn: number): number {
  const used = new Set(contentOf.values())
  const all = Array.from({ length: count }, (_, index) => (index + turn) % count)
  return all.find((content) => !used.has(content)) as number
}

interface ModelRow {
  readonly model: string
  readonly version: string
  readonly state: string
}

async function untilFailed(server: ServedProcess, version: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (performance.now() < giveUpAt) {
    const answer = await fetch(`${server.origin}/v1/models`)
    const { models } = (await answer.json()) as { models: readonly ModelRow[] }
    const row = models.find((one) => one.model === changedModel && one.version === String(version))
    if (row?.state === 'failed') return
    await sleep(50)
  }
  throw new Error(`version ${version}, which is broken, was not reported after ${patienceMs} ms`)
}
