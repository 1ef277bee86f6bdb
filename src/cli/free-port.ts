// Looks whether the server could listen, before models are downloaded and warmed for minutes.
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from '../config.ts'
import { ConfigError, messageOf, UsageError } from '../errors.ts'
import { type ListenPlace, listenFailureOf } from '../listen-failure.ts'

/** @throws UsageError that says what to do */
export async function assertPortIsFree({
  host,
  port,
  metricsPort,
}: Pick<Config, 'host' | 'port' | 'metricsPort'>): Promise<void> {
  const conflict = portConflict({ port, metricsPort })
  if (conflict !== null) throw new ConfigError(conflict)
  const reason = (await whyNotListen({ host, port })) ?? (await whyNoMetrics({ host, metricsPort }))
  if (reason !== null) throw new UsageError(reason)
}

/** Why the two ports do not go together, or null where they do. */
export function portConflict({
  port,
  metricsPort,
}: Pick<Config, 'port' | 'metricsPort'>): string | null {
  if (metricsPort !== port || port === 0) return null
  return `METRICS_PORT is ${port}, as PORT is: give /metrics another port, or 0 to serve it beside the API`
}

/** Why /metrics can have no port of its own, or null where it can or wants none. */
export async function whyNoMetrics({
  host,
  metricsPort,
}: Pick<Config, 'host' | 'metricsPort'>): Promise<string | null> {
  if (metricsPort === 0) return null
  return await whyNotListen({ host, port: metricsPort, flag: '--metrics-port' })
}

/** Why nobody can listen there, or null where one can. */
export async function whyNotListen(place: ListenPlace): Promise<string | null> {
  const { host, port } = place
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return null
  } catch (error) {
    return listenFailureOf(error, place) ?? `cannot listen on ${host}:${port}: ${messageOf(error)}`
  } finally {
    server.close()
  }
}
