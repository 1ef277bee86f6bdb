// Asks pip, where there is one, for one exact wheel. pip installs nothing here: it only downloads,
// with the mirror, proxy and certificates that the person configured for it.
import { spawn } from 'node:child_process'
import { access, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'

type Answer =
  | { readonly path: string }
  /** Why pip has no such file, in a few words. */
  | { readonly path: null; readonly reason: string }

interface Outcome {
  readonly exitCode: number | null
  readonly stderr: string
}

/** In order of preference: a `python3` that people use carries the pip that they configured. */
const pips = [
  ['python3', '-m', 'pip'],
  ['pip3'],
  ['pip'],
  ['python', '-m', 'pip'],
  ['py', '-m', 'pip'],
] as const
const probeMs = 15_000
/** Half an hour: 60 MB over a slow line, and no line is so slow that more is of use. */
const downloadMs = 1_800_000
const maxStderrBytes = 64 * 1024

/**
 * Downloads `filename` into `folder`.
 * @param filename its tags tell pip which platform and Python to look for, whatever runs here
 */
export async function downloadWithPip(filename: string, folder: string): Promise<Answer> {
  const pip = await findPip()
  if (pip === null) return { path: null, reason: 'there is no pip here' }
  const scratch = await mkdtemp(join(folder, 'pip-'))
  try {
    const [command, ...prefix] = pip
    const outcome = await runPip(
      command,
      [...prefix, ...downloadArguments(filename), '--dest', scratch],
      { timeoutMs: downloadMs, showProgress: true },
    )
    if (outcome.exitCode !== 0) return { path: null, reason: lastError(outcome.stderr) }
    const path = join(folder, filename)
    await access(join(scratch, filename))
    await rename(join(scratch, filename), path)
    return { path }
  } catch (error) {
    return { path: null, reason: messageOf(error) }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** pip's arguments for exactly this file; exported so that a test can hold them against pip's manual. */
export function downloadArguments(filename: string): string[] {
  const parts = filename.replace(/\.whl$/, '').split('-')
  const [project = '', version = ''] = parts
  const [python = '', abi = '', platforms = ''] = parts.slice(-3)
  return [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--disable-pip-version-check',
    '--no-input',
    `--implementation=${python.slice(0, 2)}`, // cp of cp312
    `--python-version=${python.slice(2)}`,
    `--abi=${abi}`,
    // A wheel may carry several platforms, joined by dots.
    ...platforms.split('.').map((platform) => `--platform=${platform}`),
    `${project}==${version}`,
  ]
}

async function findPip(): Promise<readonly [string, ...string[]] | null> {
  for (const [command, ...rest] of pips) {
    const outcome = await runPip(command, [...rest, '--version'], { timeoutMs: probeMs })
    if (outcome.exitCode === 0) return [command, ...rest]
  }
  return null
}

/** Never rejects: a command that cannot start is an exit code of null. */
function runPip(
  command: string,
  args: readonly string[],
  { timeoutMs, showProgress = false }: { timeoutMs: number; showProgress?: boolean },
): Promise<Outcome> {
  return new Promise((resolve) => {
    // pip draws its progress on stdout; ours belongs to the command's result.
    const stdout = showProgress && process.stderr.isTTY ? process.stderr.fd : 'ignore'
    const child = spawn(command, args, { stdio: ['ignore', stdout, 'pipe'], timeout: timeoutMs })
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-maxStderrBytes)
    })
    child.once('error', (error) => resolve({ exitCode: null, stderr: messageOf(error) }))
    child.once('close', (exitCode) => resolve({ exitCode, stderr }))
  })
}

function lastError(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim())
  const line =
    lines.filter((text) => text.startsWith('ERROR:')).at(-1) ?? lines.filter(Boolean).at(-1)
  return line?.replace(/^ERROR:\s*/, '') ?? 'it said nothing'
}
