// The parent's side of engine-process.ts: one engine with one model in a process of its own.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ModelDescription } from '../../src/engines/engine.ts'
import type {
  EngineFigure,
  EngineOrder,
  EngineReady,
  EngineScores,
  EngineTask,
} from './engine-process.ts'

export interface EngineClient {
  readonly description: ModelDescription
  readonly loadMs: number
  measure(task: { batchSize: number; durationMs: number }): Promise<EngineFigure>
  /** @param crops uint8 [height, width, 3] each; @returns the scores of each */
  score(crops: readonly Uint8Array[]): Promise<readonly (readonly number[])[]>
  end(): void
}

/**
 * @param environment instead of this process's variables of the same names
 * @throws Error with the engine's reason
 */
export async function startEngine(
  order: EngineOrder,
  environment: Readonly<Record<string, string>> = {},
): Promise<EngineClient> {
  const program = fileURLToPath(new URL('./engine-process.js', import.meta.url))
  const child = fork(program, { env: { ...process.env, ...environment } })
  const ready = await ask<EngineReady>(child, order)
  if ('refused' in ready) {
    child.kill()
    throw new Error(ready.refused)
  }
  return {
    ...ready,
    measure: (task) => ask<EngineFigure>(child, { kind: 'measure', ...task }),
    score: async (crops) => {
      const base64 = crops.map((crop) => Buffer.from(crop).toString('base64'))
      return (await ask<EngineScores>(child, { kind: 'score', crops: base64 })).scores
    },
    end: () => child.kill(),
  }
}

async function ask<Answer>(child: ChildProcess, message: EngineOrder | EngineTask) {
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the engine's process ended (${signal ?? code})`)
  })
  ended.catch(() => {}) // once it has answered, nobody waits for its end
  child.send(message)
  return (await Promise.race([once(child, 'message'), ended]))[0] as Answer
}
