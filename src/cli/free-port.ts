// Looks whether the server could listen, before models are downloaded and warmed for minutes.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../config.ts'
import { UsageError } from '../errors.ts'

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
    const { code = '' } = error as NodeJS.ErrnoException
    return reasons[code]?.(host, port) ?? `cannot listen on ${host}:${port}: ${code}`
  } finally {
    server.close()
  }
}

const reasons: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `port ${port} of ${host} is in use by another program; stop that one, or take another port: --port ${port + 1}`,
  EACCES: (_host, port) =>
    `port ${port} may not be used: ports below 1024 are for the administrator; take another: --port 8080`,
  EADDRNOTAVAIL: (host) =>
    `this machine has no address ${host}; HOST=127.0.0.1 is this machine alone, HOST=0.0.0.0 every network`,
  ENOTFOUND: (host) => `HOST is ${JSON.stringify(host)}, which is no address and no known name`,
}
