// Where a server with this configuration is reached from this machine.
import type { Config } from '../config.ts'

export function ownAddress({ host, port }: Pick<Config, 'host' | 'port'>): string {
  const isWildcard = host === '0.0.0.0' || host === '::'
  const reachable = isWildcard ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}
