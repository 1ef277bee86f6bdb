// The process: configuration -> application -> listening; signals -> drain -> exit.
import { pino } from 'pino'
import { createApp } from './app.ts'
import type { Config } from './config.ts'

/** Ends the process by its exit code: 0 after a drain, 1 when the grace ran out or a start failed. */
export async function serve(config: Config, version: string): Promise<void> {
  const log = pino({ level: config.logLevel, base: null })
  const app = await createApp(config, { log, version })
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
  process.on('SIGHUP', () => void app.reload())

  await app.start()
  const address = await app.listen(config.host, config.port)
  log.info({ address, ...app.summary() }, 'listening')
}
