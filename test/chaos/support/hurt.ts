// Hurts a server while clients use it, and watches until all of its capacity is back.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LoadFigure, startLoad } from '../../support/checked-load.ts'
import type { KnownImage } from '../../support/known-images.ts'
import type { ServedProcess } from '../../support/served-process.ts'
import type { Sighting } from './fault.ts'

export interface HurtOptions {
  readonly server: ServedProcess
  readonly images: readonly KnownImage[]
  readonly inject: () => Promise<void>
  readonly model?: string
  readonly clients?: number
  /** Sessions that must work in the end. */
  readonly sessions?: number
  /** Milliseconds of load before and after. */
  readonly calmMs?: number
  /** Milliseconds that clients rest between requests. */
  readonly restMs?: number
}

export interface Hurt {
  readonly figure: LoadFigure
  /** Milliseconds from the injection until all sessions worked again. */
  readonly backMs: number
}

/** The promise: full capacity is back within this. */
export const backWithinMs = 5_000
/** The runner gives up here; a machine that is busy with other things is no broken promise. */
const giveUpMs = 60_000

export async function hurt(options: HurtOptions): Promise<Hurt> {
  const { server, images, inject, model = 'small', clients = 8, sessions = 2 } = options
  const { calmMs = 700, restMs = 0 } = options
  const load = startLoad({ origin: server.origin, model, images, clients, restMs })
  await sleep(calmMs)
  const injectedAt = performance.now()
  await inject()
  const backMs = (await untilCapacity(server, model, sessions)) - injectedAt
  await sleep(calmMs)
  return { figure: await load.stop(), backMs }
}

async function untilCapacity(server: ServedProcess, model: string, sessions: number) {
  const giveUpAt = performance.now() + giveUpMs
  while ((await server.capacity(model)) < sessions) {
    assert.ok(performance.now() < giveUpAt, `not all sessions were back after ${giveUpMs} ms`)
    await sleep(20)
  }
  return performance.now()
}

/** Every request was answered, no answer was another's, refusals may be tried again. */
export function assertNothingLost({ figure }: { readonly figure: LoadFigure }): void {
  assert.deepEqual(tally(figure.lost), {}, 'requests without an answer')
  assert.equal(figure.wrong, 0, 'answers that belong to another image')
  assert.equal(figure.withoutRetryAfter, 0, 'refusals without Retry-After')
  const final = Object.keys(figure.refused).filter((reason) => !/^(429|503) /.test(reason))
  assert.deepEqual(final, [], 'refusals that no retry can help')
  assert.ok(figure.ok > 0, 'no image was classified')
}

/** How often each text occurs. */
export function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
}

export function sightingOf({ figure, backMs }: Hurt): Sighting {
  return {
    requests: figure.sent,
    right: figure.ok,
    refused:
      Object.entries(figure.refused)
        .map(([why, count]) => `${why} × ${count}`)
        .join(', ') || 0,
    wrong: figure.wrong,
    lost: figure.lost.length,
    'capacity back after, ms': Math.round(backMs),
  }
}
