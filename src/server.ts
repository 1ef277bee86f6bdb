// The process: configuration -> application -> listening; signals -> drain -> exit.
import { isatty } from 'node:tty'
import { type AppOptions, createApp } from './app.ts'
import type { Config } from './config.ts'
import { messageOf, UsageError } from './errors.ts'
import { allowHeapGrowth } from './heap-growth.ts'
import { type ListenPlace, listenFailureOf } from './listen-failure.ts'
import { openLog } from './open-log.ts'

export interface Surroundings extends Pick<AppOptions, 'pool'> {
  /** Aborts when nobody is there any more for whom the process runs; it stops then. */
  readonly orphaned?: AbortSignal
}

/** Standard input: a terminal where a person started the service by hand. */
const standardInput = 0

/** Ends the process by its exit code: 0 after a drain, 1 when the grace ran out or a start failed. */
export async function serve(
  config: Config,
  version: string,
  { orphaned, ...injected }: Surroundings = {},
): Promise<void> {
  allowHeapGrowth()
  const log = openLog(config.logLevel)
  const making = createApp(config, { log, version, ...injected })
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
    const app = await making.catch(() => undefined)
    await app?.drain(config.shutdownDelayMs)
    clearTimeout(timer)
    log.info('stopped')
    process.exit(0)
  }

  // From the first moment: a signal that nobody listens to ends a process, or nothing at all where
  // that is the first one of a container.
  process.on('SIGTERM', (signal) => void stop(signal))
  process.on('SIGINT', (signal) => void stop(signal))
  orphaned?.addEventListener('abort', () => {
    // The parent may have ended by the signal that came here too: it is no second one.
    if (!stopping) void stop('none: its parent ended')
  })
  const hasTerminal = isatty(standardInput)
  process.on('SIGHUP', (signal) => {
    if (hasTerminal) return void stop(signal) // its window was closed
    // What serves goes on serving: a repository that cannot be read is a line in the log.
    making.then((app) => app.reload()).catch((error: unknown) => log.error(messageOf(error)))
  })

  process.title = 'resnet-serving' // takes the flags out of `ps`, API_KEYS among them

  const app = await making
  try {
    await app.start()
    const address = await app.listen(config.host, config.port)
    log.info({ address, ...app.summary() }, 'listening')
  } catch (error) {
    if (stopping) return // it was ended while it started, by `stop`
    await app.drain(0) // sessions and threads would keep the process alive
    throw cannotListen(error, config) ?? error
  }
}

function cannotListen(error: unknown, { host, port, metricsPort }: Config): UsageError | undefined {
  const isMetrics = metricsPort !== 0 && (error as { port?: unknown }).port === metricsPort
  const place: ListenPlace = isMetrics
    ? { host, port: metricsPort, flag: '--metrics-port' }
    : { host, port }
  const reason = listenFailureOf(error, place)
  return reason === undefined ? undefined : new UsageError(reason)
}
