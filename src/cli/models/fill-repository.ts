// Before a command needs models: fills an empty repository in a process of its own, because building
// models takes memory that a server should never have held.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config.ts'
import { holdingsOf } from './holds-models.ts'

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** @returns whether it did not fail; why, stands on the screen already */
export async function fillRepository({ modelRepository, modelSource }: Config): Promise<boolean> {
  if (await isFilled(modelRepository)) return true // nearly always: a process costs half a second
  const program = fileURLToPath(new URL('../bin.cjs', import.meta.url))
  const builder = spawn(
    process.execPath,
    [program, 'models', 'ensure', '--output', modelRepository],
    { stdio: ['ignore', 2, 2], env: { ...process.env, MODEL_SOURCE: modelSource } },
  )
  const release = endWith(builder)
  const [exitCode] = await once(builder, 'exit')
  release()
  return exitCode === 0
}

/**
 * A start that is ended ends what builds for it, and then itself: nobody would wait for the builder, and
 * the next start would have to.
 * @returns what is to be called when the builder has ended
 */
function endWith(builder: ChildProcess): () => void {
  let ended: NodeJS.Signals | undefined
  const end = (signal: NodeJS.Signals) => {
    ended = signal
    builder.kill(signal)
  }
  for (const signal of signals) process.once(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
    if (ended !== undefined) process.kill(process.pid, ended)
  }
}

async function isFilled(repository: string): Promise<boolean> {
  try {
    const { models, isHalfFilled } = await holdingsOf(repository)
    return models.length > 0 && !isHalfFilled
  } catch {
    return false // what is wrong with it is told by who fills it
  }
}
