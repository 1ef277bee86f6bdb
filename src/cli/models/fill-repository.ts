// Before a command needs models: fills an empty repository in a process of its own, because building
// models takes memory that a server should never have held.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Config } from '../../config.ts'
import { endWith } from '../end-with.ts'
import { holdingsOf } from './holds-models.ts'

/** @returns whether it did not fail; why, stands on the screen already */
export async function fillRepository({ modelRepository, modelSource }: Config): Promise<boolean> {
  if (await isFilled(modelRepository)) return true // nearly always: a process costs half a second
  const program = fileURLToPath(new URL('../bin.cjs', import.meta.url))
  const builder = spawn(
    process.execPath,
    [program, 'models', 'ensure', '--output', modelRepository],
    { stdio: ['ignore', 2, 2], env: { ...process.env, MODEL_SOURCE: modelSource } },
  )
  endWith(builder) // nobody would wait for it, and the next start would have to
  const [exitCode] = await once(builder, 'exit')
  return exitCode === 0
}

async function isFilled(repository: string): Promise<boolean> {
  try {
    const { models, isHalfFilled } = await holdingsOf(repository)
    return models.length > 0 && !isHalfFilled
  } catch {
    return false // what is wrong with it is told by who fills it
  }
}
