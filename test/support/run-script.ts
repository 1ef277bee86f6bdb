// A few lines of JavaScript in a process of their own, beside the compiled code.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** dist/, so that scripts import './src/…'. */
const folder = fileURLToPath(new URL('../../', import.meta.url))

/** @returns what it printed */
export async function runScript(script: string): Promise<string> {
  const args = ['--input-type=module', '--eval', script]
  return (await run(process.execPath, args, { cwd: folder })).stdout
}
