// Runs a command line as a person pastes it, in a folder with the files it names.
import { execFile } from 'node:child_process'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { tempFolder } from './temp-folder.ts'

const run = promisify(execFile)

/** @returns what it printed */
export async function runCurl(
  t: TestContext,
  command: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<string> {
  const folder = await tempFolder(t, files)
  const { stdout } = await run('bash', ['-c', command], { cwd: folder })
  return stdout
}
