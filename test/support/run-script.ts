// A few lines of JavaScript in a process of their own, beside the compiled code.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** dist/, so that scripts import './src/…'. */
const folder = fileURLToPath(new URL('../../', import.meta.url))

/**
 * @param wrapper what starts the process, e.g. `['bash', '-c', 'ulimit -n 64; exec "$@"', 'bash']`
 * @returns what it printed
 */
export async function runScript(script: string, wrapper: readonly string[] = []): Promise<string> {
  const node = [process.execPath, '--input-type=module', '--eval', script]
  const [command = '', ...args] = [...wrapper, ...node]
  return (await run(command, args, { cwd: folder })).stdout
}
