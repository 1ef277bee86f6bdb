// Python environments of the peers: one each, since what they need excludes each other. Made when
// they are first needed, from pinned requirements, and kept in .venv-bench-<name>.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const peersFolder = resolve('bench/peers')

/**
 * @param requirements `bench/peers/requirements-<requirements>.txt`
 * @returns the environment's bin folder
 * @throws Error with pip's last words
 */
export async function pythonFor(requirements: string): Promise<string> {
  const folder = resolve(`.venv-bench-${requirements}`)
  const done = join(folder, 'installed')
  const bin = join(folder, 'bin')
  if (existsSync(done)) return bin
  process.stderr.write(`installing ${requirements} into ${folder}\n`)
  await rm(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder])
  const file = join(peersFolder, `requirements-${requirements}.txt`)
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file]
  await run(join(bin, 'python'), pip, { maxBuffer: 16 * 1024 * 1024 })
  await writeFile(done, '')
  return bin
}
