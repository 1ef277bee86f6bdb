// A pool of real sessions of the tiny model, and the answers it must give.
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { loadWithPreferredEngine } from '../../src/engines/choose.ts'
import type { LoadRequest } from '../../src/engines/engine.ts'
import { createPermits } from '../../src/sessions/permits.ts'
import {
  type CropOutcome,
  createSessionPool,
  type SessionDeath,
  type SessionPool,
  type SessionPoolOptions,
} from '../../src/sessions/session-pool.ts'
import { tinyClasses, tinyCrop, writeTinyModel } from './tiny-model.ts'

export const faultyEntry = new URL('../fixtures/faulty-worker.js', import.meta.url)

export interface Death {
  readonly session: number
  readonly reason: SessionDeath
  readonly detail: string
}

export interface Bench {
  readonly pool: SessionPool
  readonly deaths: readonly Death[]
  /** What sessions wrote to their standard streams. */
  readonly lines: readonly string[]
  /** Runs one batch on the next free session. */
  run(crops: readonly Uint8Array[]): Promise<readonly CropOutcome[]>
}

let written: Promise<{ folder: string; request: Omit<LoadRequest, 'device'> }> | undefined

/** The tiny model, written once for all tests of a process. */
export async function tinyRequest(): Promise<Omit<LoadRequest, 'device'>> {
  written ??= mkdtemp(join(tmpdir(), 'resnet-serving-tiny-')).then(async (folder) => {
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
    return { folder, request: await writeTinyModel(folder) }
  })
  return (await written).request
}

/** Opens a pool on `sessions` sessions of the tiny model; closes it after the test. */
export async function openPool(
  t: TestContext,
  sessions: number,
  changes: Partial<SessionPoolOptions> = {},
): Promise<Bench> {
  const deaths: Death[] = []
  const lines: string[] = []
  const pool = await createSessionPool({
    preference: 'onnxruntime',
    request: await tinyRequest(),
    placements: [{ device: 'cpu', sessions, permits: createPermits(sessions) }],
    entry: faultyEntry,
    observer: {
      state: () => {},
      died: (session, reason, detail) => deaths.push({ session, reason, detail }),
    },
    onLine: ({ text }) => lines.push(text),
    ...changes,
  })
  t.after(() => pool.close())
  const run = async (crops: readonly Uint8Array[]) => (await pool.lease()).run(crops)
  return { pool, deaths, lines, run }
}

/** The scores of `tinyCrop(seed)` for each seed, computed in this process, one image at a time. */
export async function expectedScores(seeds: readonly number[]): Promise<readonly Float32Array[]> {
  const request = { ...(await tinyRequest()), device: 'cpu' }
  const { model } = await loadWithPreferredEngine('onnxruntime', request)
  const scores: Float32Array[] = []
  for (const seed of seeds) scores.push(Float32Array.from(await model.run(tinyCrop(seed), 1)))
  await model.close()
  return scores
}

/** @throws AssertionError unless each outcome is what `tinyCrop` of its seed scores */
export async function assertScores(outcomes: readonly CropOutcome[], seeds: readonly number[]) {
  const expected = await expectedScores(seeds)
  assert.equal(outcomes.length, seeds.length)
  outcomes.forEach((outcome, index) => {
    assert.ok(outcome.ok)
    assert.equal(outcome.value.scores.length, tinyClasses)
    outcome.value.scores.forEach((score, i) => {
      assert.ok(Math.abs(score - (expected[index]?.[i] ?? Number.NaN)) < 1e-4)
    })
  })
}

/** No machine is so slow that what a test waits for takes longer: without a limit the whole run would hang. */
const waitLimitMs = 120_000

/**
 * Waits until `condition` holds.
 * @throws Error that quotes the condition, when it never does
 */
export async function until(condition: () => boolean): Promise<void> {
  const endAt = performance.now() + waitLimitMs
  while (!condition()) {
    if (performance.now() > endAt) throw new Error(`${waitLimitMs} ms, and never ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
