// A service in a process of its own, for commands that measure one: `serve` on a free port. It ends
// with the command, however that ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { UsageError } from '../errors.ts'
import { endWith } from './end-with.ts'

export interface OwnService {
  /** Where it listens, e.g. http://127.0.0.1:40123; of a server behind a proxy also the path there. */
  readonly origin: string
  stop(): Promise<void>
}

const program = fileURLToPath(new URL('./bin.cjs', import.meta.url))

/**
 * @param environment on top of this process's own
 * @throws UsageError where it does not start
 */
export async function startOwnService(
  environment: Readonly<Record<string, string>>,
): Promise<OwnService> {
  const child = spawn(process.execPath, [program, 'serve', '--end-with-parent'], {
    env: {
      ...process.env,
      PORT: '0',
      HOST: '127.0.0.1',
      API_KEYS: '',
      RATE_LIMIT_PER_MINUTE: '0',
      METRICS_PORT: '0',
      LOG_LEVEL: 'info', // the line `listening` says where
      SHARE_IN_FLIGHT: 'off', // clients send the same few images again and again
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const endWithUs = () => child.kill('SIGTERM')
  process.once('exit', endWithUs)
  const release = endWith(child, 'SIGTERM') // to a service SIGHUP is no end
  const origin = await new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    // It has said why on standard error.
    child.once('exit', (code) => reject(new UsageError(`the service did not start (${code})`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const address = /"address":"(http[^"]+)"/.exec(line)?.[1]
      if (address !== undefined) resolve(address)
    })
  })
  return {
    origin,
    async stop() {
      process.off('exit', endWithUs)
      release()
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}
