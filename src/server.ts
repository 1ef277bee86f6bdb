// The process: configuration -> application -> listening; signals -> drain -> exit.
import { pino } from 'pino'
import { type AppOptions, createApp } from './app.ts'
import type { Config } from './config.ts'
import { messageOf, UsageError } from './errors.ts'

/** Ends the process by its exit code: 0 after a drain, 1 when the grace ran out or a start failed. */
export async function serve(
  config: Config,
  version: string,
  injected: Pick<AppOptions, 'pool'> = {},
): Promise<void> {
  process.title = 'resnet-serving' // takes the flags out of `ps`, API_KEYS among them
  const log = pino({ level: config.logLevel, base: null })
  const app = await createApp(config, { log, version, ...injected })
  let stopping = false

  async function stop(signal: string): Promise<void> {
    if (stopping) {
      log.warn({ signal }, 'second signal: exiting at once')
      process.exit(1)
    }
    stopping = true
    log.info({ signal, graceMs: config.shutdownGraceMs }, 'draining')
    const timer = setTimeout(() => {
      log.error('the grace ran out before the queue was empty')
      process.exit(1)
    }, config.shutdownDelayMs + config.shutdownGraceMs)
    await app.drain(config.shutdownDelayMs)
    clearTimeout(timer)
    log.info('stopped')
    process.exit(0)
  }

  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  process.on('SIGHUP', () => {
    // What serves goes on serving: a repository that cannot be read is a line in the log.
    app.reload().catch((error: unknown) => log.error(messageOf(error)))
  })

  try {
    await app.start()
    const address = await app.listen(config.host, config.port)
    log.info({ address, ...app.summary() }, 'listening')
  } catch (error) {
    await app.drain(0) // sessions and threads would keep the process alive
    throw cannotListen(error, config) ?? error
  }
}

/** What keeps a server from listening, as people who set HOST and PORT see it. */
const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already; stop it, or choose another PORT',
  EACCES: 'this user may not listen there; choose a PORT above 1023',
  EADDRNOTAVAIL: 'this machine has no such address; HOST is usually 127.0.0.1 or 0.0.0.0',
  ENOTFOUND: 'this machine has no such address; HOST is usually 127.0.0.1 or 0.0.0.0',
}

function cannotListen(error: unknown, { host, port }: Config): UsageError | undefined {
  const reason = listenFailures[(error as NodeJS.ErrnoException).code ?? '']
  return reason === undefined ? undefined : new UsageError(`HOST ${host}, PORT ${port}: ${reason}`)
}
