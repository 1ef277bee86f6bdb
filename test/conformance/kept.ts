// What earlier conformance runs found, a line of JSON a model: a whole run takes an hour, and one that
// was ended goes on with `--resume` where it stopped.
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../support/tensorflow.ts'
import type { Verdict } from './try-model.ts'

export interface Kept extends Verdict {
  /** The version of TensorFlow that answered. */
  readonly tensorflow: string
  /** The commit of this repository that was tried. */
  readonly commit: string
  readonly engines: readonly string[]
}

const folder = join(packageFolder, '.conformance')
const file = join(folder, 'verdicts.jsonl')

export function forgetKept(): void {
  rmSync(file, { force: true })
}

export function keep(verdict: Kept): void {
  mkdirSync(folder, { recursive: true })
  appendFileSync(file, `${JSON.stringify(verdict)}\n`)
}

/** The newest verdict on each model, by name. */
export function keptVerdicts(): Map<string, Kept> {
  const verdicts = linesOf(file).map((line) => JSON.parse(line) as Kept)
  return new Map(verdicts.map((verdict) => [verdict.name, verdict]))
}

/** A model that failed, or lacked an engine, is tried again. */
export function isSettled(verdict: Kept | undefined, engines: readonly string[]): boolean {
  if (verdict === undefined || verdict.failures.length > 0) return false
  return engines.every((engine) => verdict.engines.includes(engine))
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}

/** @returns such as `1a2b3c4`, with `+` where files differ from it; `unknown` outside a clone. */
export function presentCommit(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: packageFolder, encoding: 'utf8' }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src')
    return `${git('rev-parse', '--short', 'HEAD')}${changed === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}
