// What `doctor` finds where the server listens: nobody, this service, or somebody else.
import type { Config } from '../../config.ts'
import { portConflict, whyNoMetrics, whyNotListen } from '../free-port.ts'
import { ownAddress } from '../own-address.ts'
import type { Finding } from './finding.ts'

const timeoutMs = 3000

type Settings = Pick<Config, 'host' | 'port' | 'metricsPort'>

export async function examinePort(config: Settings): Promise<readonly Finding[]> {
  const conflict = portConflict(config)
  if (conflict !== null) return [{ level: 'no', text: conflict }]
  const reason = await whyNotListen(config)
  if (reason === null) {
    // Of a server that runs already, the port of metrics would be in use by itself.
    const noMetrics = await whyNoMetrics(config)
    return [
      { level: 'ok', text: `nothing listens on ${config.host}:${config.port} yet` },
      ...(noMetrics === null ? [] : [{ level: 'no', text: noMetrics } as const]),
    ]
  }
  const address = ownAddress(config)
  const status = await readiness(address)
  if (status === 200) return [{ level: 'ok', text: `a server at ${address} is ready` }]
  if (status === 503) return [{ level: 'note', text: `a server at ${address} is not ready (503)` }]
  return [{ level: 'no', text: reason }]
}

async function readiness(address: string): Promise<number | null> {
  try {
    const signal = AbortSignal.timeout(timeoutMs)
    return (await fetch(new URL('/health/ready', address), { signal })).status
  } catch {
    return null
  }
}
