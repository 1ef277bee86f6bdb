// `health`: asks a running server whether it is ready, for a container's HEALTHCHECK.
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { messageOf, UsageError } from '../errors.ts'

/** A server that cannot answer this in time is not healthy. */
const timeoutMs = 3000

export function healthCommand(): Command {
  return new Command('health')
    .description('ask the server on HOST and PORT whether it is ready (exit code 0) or not (1)')
    .option('--url <url>', 'the server, instead of HOST and PORT')
    .action(async ({ url }: { url?: string }) => {
      const base = url ?? ownAddress()
      const status = await fetch(new URL('/health/ready', base), {
        signal: AbortSignal.timeout(timeoutMs),
      }).then(
        (response) => response.status,
        (error: Error) => {
          throw new UsageError(`no answer from ${base}: ${messageOf(error.cause ?? error)}`)
        },
      )
      if (status !== 200) throw new UsageError(`${base} is not ready: it answered ${status}`)
      process.stdout.write('ready\n')
    })
}

function ownAddress(): string {
  const { host, port } = readConfig(process.env)
  const wildcard = host === '0.0.0.0' || host === '::'
  const reachable = wildcard ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
