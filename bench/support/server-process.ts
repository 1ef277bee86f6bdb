// A real server of this project, started as a user starts it, on a free port.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ServerProcess {
  readonly origin: string
  readonly process: ChildProcess
  /** Milliseconds from the start of the process to the line `listening`. */
  readonly startMs: number
  stop(): Promise<void>
}

export async function startServer(
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const program = fileURLToPath(new URL('../../src/cli/bin.cjs', import.meta.url))
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', program, 'serve'], {
    // The photographs come again and again: each of them is to be computed.
    env: { ...process.env, PORT: '0', LOG_LEVEL: 'info', SHARE_IN_FLIGHT: 'off', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const origin = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with exit code ${code}`)))
    lines.on('line', (line) => {
      const { msg, address } = JSON.parse(line) as { msg?: string; address?: string }
      if (msg === 'listening' && address !== undefined) resolve(address)
    })
  })
  return {
    origin,
    process: child,
    startMs: performance.now() - startedAt,
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
