// `health`: asks a running server whether it is ready, for a container's HEALTHCHECK.
import { Command } from 'commander'
import { readConfig } from '../config.ts'
import { UsageError } from '../errors.ts'
import { noAnswerFrom } from './no-answer.ts'
import { ownAddress } from './own-address.ts'
import { baseOf } from './server-address.ts'

/** A server that cannot answer this in time is not healthy. */
const timeoutMs = 3000

const example = `
Example, as a container's health check:
  resnet-serving health --url http://127.0.0.1:8080`

export function healthCommand(): Command {
  return new Command('health')
    .description('ask the server on HOST and PORT whether it is ready (exit code 0) or not (1)')
    .option('--url <url>', 'the server, instead of HOST and PORT')
    .addHelpText('after', example)
    .action(async ({ url }: { url?: string }) => {
      const base = url === undefined ? ownAddress(readConfig(process.env)) : baseOf(url)
      const status = await fetch(`${base}/health/ready`, {
        signal: AbortSignal.timeout(timeoutMs),
      }).then(
        (response) => response.status,
        (error: Error) => {
          throw noAnswerFrom(base, error)
        },
      )
      if (status !== 200) throw new UsageError(`${base} is not ready: it answered ${status}`)
      process.stdout.write('ready\n')
    })
}
