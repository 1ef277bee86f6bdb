// What `doctor` finds about the devices that DEVICES names: whether an engine here knows them.
import type { Config } from '../../config.ts'
import type { EngineProbe } from '../../sessions/probe-engines.ts'
import type { Finding } from './finding.ts'

type Settings = Pick<Config, 'engine' | 'devices'>

/** Nothing of `auto`, which takes what there is. */
export function examineDevices(
  { engine, devices }: Settings,
  probes: readonly EngineProbe[],
): readonly Finding[] {
  const known = probes
    .filter((probe) => engine === 'auto' || probe.engine === engine)
    .flatMap(({ availability }) => (availability.available ? availability.devices : []))
  const user = engine === 'auto' ? 'no engine can' : `${engine} cannot`
  const allowed = ['auto', ...new Set(known)]
  return devices
    .filter((device) => !allowed.includes(device === 'cuda' ? 'cuda:0' : device))
    .map((device) => ({
      level: 'no',
      text: `DEVICES names ${device}, which ${user} use here`,
      todo: `one or several of ${allowed.join(', ')}`,
    }))
}
