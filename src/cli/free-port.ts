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
  const places: ListenPlace[] = [{ host, port }]
  if (metricsPort !== 0) places.push({ host, port: metricsPort, flag: '--metrics-port' })
  if (metricsPort === port && port !== 0) {
    throw new ConfigError(
      `METRICS_PORT is ${port}, as PORT is: give /metrics another port, or 0 to serve it beside the API`,
    )
  }
  for (const place of places) {
    const reason = await whyNotListen(place)
    if (reason !== null) throw new UsageError(reason)
  }
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
