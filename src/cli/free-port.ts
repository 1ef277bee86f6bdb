// Looks whether the server could listen, before models are downloaded and warmed for minutes.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../config.ts'
import { messageOf, UsageError } from '../errors.ts'
import { listenFailureOf } from '../listen-failure.ts'

/** @throws UsageError that says what to do */
export async function assertPortIsFree(config: Pick<Config, 'host' | 'port'>): Promise<void> {
  const reason = await whyNotListen(config)
  if (reason !== null) throw new UsageError(reason)
}

/** Why nobody can listen on HOST and PORT, or null where one can. */
export async function whyNotListen({
  host,
  port,
}: Pick<Config, 'host' | 'port'>): Promise<string | null> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return null
  } catch (error) {
    const reason = listenFailureOf(error, { host, port })
    return reason ?? `cannot listen on ${host}:${port}: ${messageOf(error)}`
  } finally {
    server.close()
  }
}
