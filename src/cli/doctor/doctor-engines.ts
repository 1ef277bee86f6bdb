// What `doctor` finds about the engines: each is loaded in a process of its own.
import type { Config } from '../../config.ts'
import { type EngineProbe, probeEngines } from '../../sessions/probe-engines.ts'
import { examineDevices } from './doctor-devices.ts'
import type { Finding } from './finding.ts'

/** How an engine that is not there is had; onnxruntime comes with the package. */
const installation: Readonly<Record<EngineProbe['engine'], string>> = {
  openvino: 'resnet-serving setup-openvino (the fastest on most CPUs)',
  onnxruntime: 'npm install again: onnxruntime-node is part of this package',
  tensorflow: 'resnet-serving setup-tensorflow (only for models that the others cannot run)',
}

export async function examineEngines(
  config: Pick<Config, 'engine' | 'devices'>,
): Promise<readonly Finding[]> {
  const probes = await probeEngines()
  const someRuns = probes.some(({ availability }) => availability.available)
  const engines = probes.map(({ engine: name, availability }): Finding => {
    if (availability.available) {
      const { version, devices } = availability
      return { level: 'ok', text: `${name} ${version}, on ${devices.join(', ')}` }
    }
    const isNeeded = config.engine === name || !someRuns
    return {
      level: isNeeded ? 'no' : 'note',
      text: `${name}: ${availability.reason}`,
      todo: installation[name],
    }
  })
  return [...engines, ...examineDevices(config, probes)]
}
